// Focus is the browser's to give: a round trip to the server would take the first letters for keys.

const listeners = new WeakMap();

function isWriting(event) {
  const target = event.composedPath()[0];
  return target.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(target.tagName);
}

export default function ({ data, parentElement }) {
  const forget = () => document.removeEventListener("keydown", listeners.get(parentElement));
  const onKey = (event) => {
    const field = document.querySelector(data.field);
    if (!parentElement.isConnected || !field) return;
    if (event.target === field) {
      // After Streamlit has seen the key: Enter keeps what was written.
      if (event.key === "Enter" || event.key === "Escape") setTimeout(() => field.blur());
    } else if (event.key.toUpperCase() === data.key && !event.repeat && !isWriting(event)
        && !event.ctrlKey && !event.altKey && !event.metaKey) {
      event.preventDefault();
      field.focus();
    }
  };
  forget();
  listeners.set(parentElement, onKey);
  document.addEventListener("keydown", onKey);
  return () => {
    if (!parentElement.isConnected) forget();
  };
}
