// In front of whatever has the focus: Space would otherwise flip the switch, or open the list, that
// was clicked last.

const listeners = new WeakMap();
let byTab = false;   // whether the focus was moved by the Tab key, which makes Space the control's own
window.addEventListener("pointerdown", () => { byTab = false; }, true);
window.addEventListener("keydown", (event) => { if (event.key === "Tab") byTab = true; }, true);

function isTaken(element) {
  if (!(element instanceof Element)) return false;
  if (element.isContentEditable || element.closest("textarea, select, [role=listbox]")) return true;
  if (element.getAttribute("role") === "combobox") return element.getAttribute("aria-expanded") === "true";
  if (element.matches("input:not([type=checkbox], [type=radio], [type=range], [type=file])")) return !element.readOnly;
  return byTab && element !== document.body;
}

export default function ({ data, parentElement }) {
  const forget = () => {
    for (const type of ["keydown", "keyup"]) window.removeEventListener(type, listeners.get(parentElement), true);
  };
  const onKey = (event) => {
    if (!parentElement.isConnected || event.key !== data.key) return;
    if (event.ctrlKey || event.altKey || event.metaKey || isTaken(event.composedPath()[0])) return;
    // Both: Firefox presses a focused button when the key is released.
    event.preventDefault();
    event.stopImmediatePropagation();
    if (event.type === "keyup" || event.repeat) return;
    data.buttons.map((key) => document.querySelector(`.st-key-${key} button:enabled`)).find(Boolean)?.click();
  };
  forget();
  listeners.set(parentElement, onKey);
  for (const type of ["keydown", "keyup"]) window.addEventListener(type, onKey, true);
  return () => {
    if (!parentElement.isConnected) forget();
  };
}
