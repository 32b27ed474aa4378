// Before it goes to a page with a query, Streamlit gives that query to the page at hand, and makes
// an entry of the browser's history of it: Back would then lead to the list without its filters.

if (!window.directorBackStep) {
  window.directorBackStep = true;
  const push = history.pushState.bind(history);
  let stray = null;   // address that the page at hand was just given
  history.pushState = (state, title, url) => {
    const to = new URL(url, location.href);
    const stays = to.pathname === location.pathname;
    if (!stays && stray === location.href && to.search === location.search) history.replaceState(state, title, url);
    else push(state, title, url);
    stray = stays ? to.href : null;
  };
}

export default function () {}
