// A control that was clicked keeps the focus, and Streamlit gives no shortcut a key that is pressed
// in one: the key is pressed on the page instead.

// Whether a control makes nothing of letters and digits, as no table does: none here is edited. A
// list that is open is searched by them.
function isIdle(element) {
  if (!(element instanceof HTMLInputElement)) return Boolean(element.closest?.("[data-testid=stDataFrame]"));
  if (element.getAttribute("role") === "combobox") return element.getAttribute("aria-expanded") !== "true";
  return ["checkbox", "radio", "range"].includes(element.type);
}

if (!window.directorPageKeys) {
  window.directorPageKeys = true;
  let byTab = false;   // whether the focus was moved by Tab, which makes keys the control's own
  window.addEventListener("pointerdown", () => { byTab = false; }, true);
  window.addEventListener("keydown", (event) => {
    if (event.key === "Tab") byTab = true;
    if (byTab || event.key.length !== 1 || event.key === " ") return;
    if (event.ctrlKey || event.altKey || event.metaKey || !isIdle(event.composedPath()[0])) return;
    event.preventDefault();
    event.stopImmediatePropagation();
    const { key, code, shiftKey, repeat } = event;
    document.body.dispatchEvent(
      new KeyboardEvent("keydown", { key, code, shiftKey, repeat, bubbles: true, cancelable: true }),
    );
  }, true);
}

export default function () {}
