// In front of every shortcut: a held key repeats faster than a person reads.

const guards = new WeakMap();
const shows = new WeakMap();
const TURN_MS = 3000;   // a turn that changed nothing, such as a verdict refused, is over by then

function isWriting(event) {
  const target = event.composedPath()[0];
  return target.isContentEditable || target.matches?.("input:not([type=checkbox], [type=radio]), textarea, select");
}

// The view on screen, and whether it has been there for long enough.
function showView({ view, seenMs }, parentElement) {
  const before = shows.get(parentElement);
  const show = before?.view === view ? before : { view, seen: false };
  shows.set(parentElement, show);
  const mark = () => {
    const { dataset } = parentElement.querySelector("span");
    if (show.seen) dataset.seen = view; else delete dataset.seen;
  };
  mark();
  // Two frames: the first is of what was drawn before.
  if (show !== before) requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(() => {
    show.seen = true;
    if (parentElement.isConnected && shows.get(parentElement) === show) mark();
  }, seenMs)));
  return show;
}

export default function ({ data, parentElement }) {
  guards.get(parentElement)?.forget();
  const show = showView(data, parentElement);
  const guard = { turning: 0 };
  const mayTurn = () => {
    const now = performance.now();
    if (!show.seen || now < guard.turning) return false;
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
