// In place of the address at hand: Streamlit's own way makes a step of the browser's Back of it.

export default function ({ data }) {
  const address = new URL(location.href);
  const bare = (url) => (url.origin + url.pathname).replace(/\/$/, "");
  // The reader may have left for another page already.
  if (bare(address) !== bare(new URL(data.page))) return;
  for (const [name, value] of Object.entries(data.values)) {
    if (value === null) address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}
