// An area with a name is no mere presentation; React does not write a role again that did not change.

const watchers = new WeakMap();

export default function ({ parentElement }) {
  const mend = () => {
    for (const area of document.querySelectorAll("[data-testid=stFileUploaderDropzone][role=presentation]")) {
      area.setAttribute("role", "region");
    }
  };
  watchers.get(parentElement)?.disconnect();
  const watcher = new MutationObserver(mend);
  watchers.set(parentElement, watcher);
  watcher.observe(document.body, { childList: true, subtree: true });
  mend();
  return () => {
    if (!parentElement.isConnected) watcher.disconnect();
  };
}
