// Names of streams come from elsewhere: they become text nodes and nothing else.

const WIDTH = 120, HEIGHT = 40;
const NS = "http://www.w3.org/2000/svg";
const strips = new WeakMap();

function themeOf(box) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(box).getPropertyValue("--st-background-color").trim() || "#fff";
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 128 ? "dark" : "light";
}

function line(values, slots) {
  // The newest token stands at the right edge, however few there are.
  const step = WIDTH / Math.max(1, slots - 1);
  const from = WIDTH - step * (values.length - 1);
  return values.map((value, i) => `${(from + i * step).toFixed(1)},${(HEIGHT * (1 - value)).toFixed(1)}`);
}

function tile() {
  const button = document.createElement("button");
  const name = document.createElement("span");
  const svg = document.createElementNS(NS, "svg");
  const zone = document.createElementNS(NS, "polygon");
  const curve = document.createElementNS(NS, "polyline");
  const state = document.createElement("span");
  button.type = "button";
  name.className = "name";
  state.className = "state";
  zone.setAttribute("class", "zone");
  curve.setAttribute("class", "curve");
  svg.setAttribute("viewBox", `0 0 ${WIDTH} ${HEIGHT}`);
  svg.setAttribute("preserveAspectRatio", "none");
  svg.setAttribute("aria-hidden", "true");
  svg.append(zone, curve);
  button.append(name, svg, state);
  return { button, name, zone, curve, state };
}

function fill(parts, stream, slots) {
  const { button, name, zone, curve, state } = parts;
  const floor = line(stream.floor, slots);
  if (name.textContent !== stream.name) name.textContent = stream.name;
  if (state.textContent !== stream.state) state.textContent = stream.state;
  button.setAttribute("aria-label", `${stream.name}: ${stream.state}`);
  button.setAttribute("aria-pressed", String(stream.focused));
  button.className = stream.rule;
  button.title = stream.title;
  curve.setAttribute("points", line(stream.scores, slots).join(" "));
  const left = floor.length ? floor[0].split(",")[0] : 0;
  zone.setAttribute("points", floor.length ? `${left},${HEIGHT} ${floor.join(" ")} ${WIDTH},${HEIGHT}` : "");
}

// Whoever points at a tile must find its stream there when they click: the order waits for them,
// and a stream that is not among the nearest any more stays as it was.
function inPlace(shown, streams) {
  const others = new Map(streams.map((stream) => [stream.mark, stream]));
  const kept = shown.map((before) => {
    const now = others.get(before.mark);
    others.delete(before.mark);
    return now ?? before;
  });
  return [...kept, ...others.values()].slice(0, Math.max(shown.length, streams.length));
}

function draw(box, state) {
  const { streams, slots } = state.data;
  const placed = state.pointed ? inPlace(state.shown, streams) : streams;
  while (state.tiles.length > placed.length) state.tiles.pop().button.remove();
  while (state.tiles.length < placed.length) {
    const parts = tile();
    state.tiles.push(parts);
    box.append(parts.button);
  }
  placed.forEach((stream, i) => {
    const parts = state.tiles[i];
    parts.button.onclick = () => state.pick(stream.mark);
    fill(parts, stream, slots);
  });
  state.shown = placed;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".sparklines");
  const state = strips.get(box) ?? { tiles: [], shown: [], pointed: false };
  if (!strips.has(box)) {
    box.addEventListener("transitionrun", (event) => {
      if (event.target === box) box.dataset.theme = themeOf(box);
    });
    box.addEventListener("pointerenter", () => { state.pointed = true; });
    box.addEventListener("pointerleave", () => {
      state.pointed = false;
      draw(box, state);
    });
    strips.set(box, state);
  }
  box.dataset.theme = themeOf(box);
  box.setAttribute("aria-label", data.label);
  state.data = data;
  state.pick = (mark) => setTriggerValue("picked", mark);
  draw(box, state);
}
