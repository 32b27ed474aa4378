// In front of every shortcut: a held key repeats faster than a person reads.

const guards = new WeakMap();
const TURN_MS = 3000;   // a turn that changed nothing, such as a verdict refused, is over by then

function isWriting(event) {
  const target = event.composedPath()[0];
  return target.isContentEditable || target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");
}

export default function ({ data, parentElement }) {
  const before = guards.get(parentElement);
  before?.forget();
  const guard = { view: data.view, seenFrom: before?.view === data.view ? before.seenFrom : Infinity, turning: 0 };
  if (guard.seenFrom === Infinity) {
    // Two frames: the first is of what was drawn before.
    requestAnimationFrame(() => requestAnimationFrame(() => { guard.seenFrom = performance.now() + data.seenMs; }));
  }
  const mayTurn = () => {
    const now = performance.now();
    if (now < guard.seenFrom || now < guard.turning) return false;
    guard.turning = now + TURN_MS;
    return true;
  };
  const drop = (event) => { event.preventDefault(); event.stopImmediatePropagation(); };
  const onKey = (event) => {
    if (!parentElement.isConnected || event.ctrlKey || event.altKey || event.metaKey || isWriting(event)) return;
    const name = event.key.toUpperCase();
    const onButton = name === "ENTER" && event.target.closest?.(data.buttons);
    if (data.keys.includes(name) || onButton) {
      if (event.repeat || !mayTurn()) drop(event);
    } else if (event.repeat && data.once.includes(name)) drop(event);
  };
  const onClick = (event) => {
    // A shortcut presses its button by a click of its own, which is no user's and was let through.
    if (!parentElement.isConnected || !event.isTrusted || event.detail === 0) return;
    if (event.target.closest?.(data.buttons) && !mayTurn()) drop(event);
  };
  guard.forget = () => {
    window.removeEventListener("keydown", onKey, true);
    window.removeEventListener("click", onClick, true);
  };
  guards.set(parentElement, guard);
  window.addEventListener("keydown", onKey, true);
  window.addEventListener("click", onClick, true);
  return () => {
    if (!parentElement.isConnected) guard.forget();
  };
}
