const RETRY = "Reload the page to try again.";
const NARROW_PX = 480;
const NARROW_FONT = 12;
const SLANTED_LINES = 1.7;  // of type, that a slanted word takes of its axis
const AFTER_DRAG_MS = 50;   // in which Plotly has put the zoom into its layout
const states = new WeakMap();
let loading;

function loadPlotly(url) {
  if (window.Plotly) return Promise.resolve(window.Plotly);
  loading ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = url;
    script.onload = () => (window.Plotly ? resolve(window.Plotly) : script.onerror());
    script.onerror = () => {
      loading = undefined;
      script.remove();
      reject(new Error("plotly.js did not load"));
    };
    document.head.append(script);
  });
  return loading;
}

function isDark(colour) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = colour || "#fff";
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 128;
}

const triple = (hex) => [1, 3, 5].map((i) => parseInt(hex.slice(i, i + 2), 16)).join(",");

// A change of theme runs no script, so the figure's colours are exchanged here.
function repaint(value, exchange, isColour = false) {
  if (typeof value === "string") return isColour ? exchange(value) : value;
  if (Array.isArray(value)) {
    const inside = typeof value[0] === "object" || (isColour && typeof value[0] === "string");
    return inside ? value.map((item) => repaint(item, exchange, isColour)) : value;
  }
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(
    ([name, item]) => [name, repaint(item, exchange, isColour || /color/i.test(name))]));
}

function inTheme(figure, { theme, palettes }, target) {
  if (theme === target) return figure;
  const table = new Map();
  palettes[theme].forEach((from, i) => {
    table.set(from.toLowerCase(), palettes[target][i]);
    table.set(triple(from), triple(palettes[target][i]));
  });
  const exchange = (colour) => table.get(colour.toLowerCase())
    ?? colour.replace(/^rgba\((\d+,\d+,\d+),/, (all, rgb) => (table.has(rgb) ? `rgba(${table.get(rgb)},` : all));
  return repaint(figure, exchange);
}

// A projector's type has no room on a phone: its words would lie over one another.
function inNarrow(layout, width) {
  const { font, annotations = [], margin = {} } = layout;
  const share = NARROW_FONT / font?.size;
  if (width >= NARROW_PX || !(share < 1)) return layout;
  const smaller = (each) => (each?.size ? { ...each, size: each.size * share } : each);
  // Right of the picture are grips, which keep their size.
  const sides = Object.entries(margin).map(([side, px]) => [side, side === "r" ? px : px * share]);
  return {
    ...layout,
    font: smaller(font),
    annotations: annotations.map((note) => ({ ...note, font: smaller(note.font) })),
    margin: Object.fromEntries(sides),
  };
}

// Slanted words lie over one another where there are too many: each second, third, ... is shown.
function spaced(axis, { font, margin, width }) {
  const { range, tickvals, ticktext, tickangle } = axis;
  if (!ticktext || !tickangle) return axis;
  const room = (width - margin.l - margin.r) / (range[1] - range[0]);
  const step = Math.max(1, Math.ceil((SLANTED_LINES * font.size) / room));
  const isShown = (_, i) => i % step === 0;
  return { ...axis, tickvals: tickvals.filter(isShown), ticktext: ticktext.filter(isShown) };
}

// Chrome of the chart follows Streamlit's variables, so that it changes with the theme even
// before the server has sent new trace colours.
function themed(layout, state) {
  const style = getComputedStyle(state.root);
  const css = (name) => style.getPropertyValue(`--st-${name}`).trim();
  const [page, ink, border] = [css("background-color"), css("text-color"), css("border-color")];
  const drawn = {
    hovermode: "x unified",
    showlegend: true,
    legend: { orientation: "h", x: 0, xanchor: "left", y: 1.02, yanchor: "bottom" },
    margin: { t: 40, r: 16, b: 44, l: 52 },
    uirevision: "keep",
    // Plotly writes into its arguments.
    ...structuredClone(inNarrow(layout, state.graph.clientWidth)),
    paper_bgcolor: page,             // opaque, so that a PNG is too
    plot_bgcolor: page,
    width: state.graph.clientWidth,
    height: state.graph.clientHeight,
  };
  drawn.font = { size: 12, ...drawn.font, color: ink, family: css("font") };
  drawn.hoverlabel = {
    ...drawn.hoverlabel,
    bgcolor: css("secondary-background-color"),
    bordercolor: border,
    font: { ...drawn.hoverlabel?.font, color: ink },
  };
  drawn.modebar = { ...drawn.modebar, bgcolor: "rgba(0,0,0,0)", color: css("gray-text-color"), activecolor: ink };
  for (const name of new Set(["xaxis", "yaxis", ...Object.keys(drawn)])) {
    if (!/^[xy]axis\d*$/.test(name)) continue;
    const axis = drawn[name] ?? {};
    drawn[name] = {
      automargin: true,
      zeroline: false,
      showspikes: name.startsWith("x"),
      spikethickness: 1,
      spikedash: "dot",
      spikecolor: css("gray-text-color"),
      ...spaced(axis, drawn),
      gridcolor: border,
      linecolor: border,
      zerolinecolor: border,
      // Plotly's own reset returns to the range of the first drawing, which a live chart has left.
      uirevision: `${axis.uirevision ?? drawn.uirevision}/${state.resets}`,
    };
  }
  if (state.zoom?.revision === drawn.uirevision) drawn.xaxis.range = [...state.zoom.range];
  return drawn;
}

function nearest(event) {
  const { points, event: mouse } = event;
  const distance = ({ bbox }) => {
    if (!bbox || !mouse) return 0;
    const plot = event.points[0].yaxis?._offset ?? 0;
    const top = mouse.target.ownerSVGElement?.getBoundingClientRect().top ?? 0;
    return Math.abs(mouse.clientY - top - plot - (bbox.y0 + bbox.y1) / 2);
  };
  return points.reduce((best, point) => (distance(point) < distance(best) ? point : best));
}

function create(root) {
  const state = {
    root, graph: root.querySelector(".graph"), note: root.querySelector(".note"),
    data: null, dirty: false, busy: false, dragging: false, zoom: null, drawn: false, resets: 0, click: null, custom: null, picture: null, over: null,
    handles: [], grips: new Map(), moved: new Map(), held: null, pending: null, timer: null, again: null, reported: -Infinity, report: null,
  };
  const reset = () => { state.resets += 1; state.zoom = null; redraw(state); };
  state.buttons = (Plotly) => [
    {
      name: "png", title: "Download as PNG", icon: Plotly.Icons.camera,
      click: (graph) => Plotly.downloadImage(graph, {
        format: "png", scale: 2, filename: state.data.filename,
        width: graph.clientWidth, height: graph.clientHeight,
      }),
    },
    { name: "reset", title: "Reset axes", icon: Plotly.Icons.home, click: reset },
  ];
  state.wire = () => {
    state.graph.on("plotly_doubleclick", reset);
    // Plotly keeps a zoom only while the figure asks for the same range, which a live one does not.
    state.graph.on("plotly_relayout", (change) => {
      const range = [change["xaxis.range[0]"], change["xaxis.range[1]"]];
      const revision = state.data.figure.layout?.uirevision ?? "keep";
      if (range.every(Number.isFinite)) state.zoom = { revision, range };
    });
    state.graph.on("plotly_click", (event) => {
      const point = nearest(event);
      state.click({
        curve: point.data.name ?? "",
        curve_number: point.curveNumber,
        index: point.pointIndex ?? point.pointNumber ?? null,
        x: point.x, y: point.y, z: point.z ?? null,
        customdata: point.customdata ?? null,
      });
    });
  };
  // A drawing between press and release would undo half of the zoom being dragged.
  const release = () => {
    if (!state.dragging) return;
    setTimeout(() => { state.dragging = false; if (state.dirty) redraw(state); }, AFTER_DRAG_MS);
  };
  root.addEventListener("pointerdown", (event) => { state.dragging = !event.target.closest(".handle"); }, true);
  window.addEventListener("pointerup", release, true);
  window.addEventListener("pointercancel", release, true);
  state.forget = () => {
    window.removeEventListener("pointerup", release, true);
    window.removeEventListener("pointercancel", release, true);
  };
  // Also draws a chart that was in a closed tab, where it had no width.
  state.observer = new ResizeObserver(() => {
    if (state.graph.clientWidth !== state.width) redraw(state);
  });
  state.observer.observe(root);
  states.set(root, state);
  return state;
}

function configOf(state, Plotly) {
  const custom = JSON.stringify(state.data.config);
  if (state.custom !== custom) {
    // The same object as long as it may be: Plotly remounts when a button is another object.
    state.custom = custom;
    state.config = {
      displaylogo: false,
      doubleClick: false,
      scrollZoom: false,
      showTips: false,
      modeBarButtons: [state.buttons(Plotly)],
      ...state.data.config,
    };
  }
  return state.config;
}

// What of the lines and notes over a picture has changed, as Plotly names it.
function changes(name, from, to) {
  return to.flatMap((item, i) => Object.keys({ ...from[i], ...item })
    .filter((key) => JSON.stringify(item[key]) !== JSON.stringify(from[i][key]))
    .map((key) => [`${name}[${i}].${key}`, item[key] ?? null]));
}

// A line that moves over a picture that stays takes Plotly a tenth of the time of the picture.
async function draw(Plotly, state, data, layout) {
  const { shapes = [], annotations = [], ...rest } = layout;
  const config = configOf(state, Plotly);
  const picture = JSON.stringify([data, rest, state.custom, shapes.length, annotations.length]);
  if (state.picture === picture) {
    const moved = [
      ...changes("shapes", state.over.shapes, shapes),
      ...changes("annotations", state.over.annotations, annotations),
    ];
    if (moved.length) await Plotly.relayout(state.graph, Object.fromEntries(moved));
  } else {
    await Plotly.react(state.graph, data.map((trace) => ({ ...trace })), layout, config);
  }
  state.picture = picture;
  state.over = structuredClone({ shapes, annotations });   // Plotly writes into its arguments
}

const REPORT_MS = 90;       // least time between two reports of a handle that is being moved
const ANSWER_MS = 3000;     // in which the page answers a report with the same value
const AGAIN_MS = 400;       // from an answer that is an earlier value until the last is reported again
const AGAIN_TIMES = 3;
const LEAST_APART_PX = 18;  // of two handles' labels

function axisOf(state, { axis }) {
  return state.graph._fullLayout?.[`${axis[0]}axis${axis.slice(1)}`];
}

// What the reader moved it to counts until the page has followed.
function valueOf(state, handle) {
  const moved = state.moved.get(handle.name);
  if (moved && (moved.value === handle.value || performance.now() > moved.until)) {
    if (state.held !== handle.name) state.moved.delete(handle.name);
  }
  return state.moved.get(handle.name)?.value ?? handle.value;
}

function moveHandle(state, handle, target) {
  const decimals = Math.max(0, Math.ceil(-Math.log10(handle.step)));
  const steps = Math.round(target / handle.step) * handle.step;
  const value = Number(Math.min(handle.highest, Math.max(handle.lowest, steps)).toFixed(decimals));
  if (value === valueOf(state, handle)) return;
  const before = state.moved.get(handle.name)?.before ?? new Set();
  before.add(valueOf(state, handle));
  state.moved.set(handle.name, { value, before, left: AGAIN_TIMES, until: performance.now() + ANSWER_MS });
  placeHandles(state);
  state.pending = { name: handle.name, value };
  state.timer ??= setTimeout(() => { state.timer = null; report(state); }, Math.max(0, state.reported + REPORT_MS - performance.now()));
}

function report(state) {
  if (!state.pending) return;
  state.reported = performance.now();
  state.report(state.pending);
  state.pending = null;
}

// A request of the page's timer that crosses a report brings back a value of before it. Another
// value was set elsewhere, and stays.
function reportAgain(state) {
  clearTimeout(state.again);
  state.again = setTimeout(() => {
    if (state.held || state.pending) return;
    for (const { name, value } of state.handles) {
      const moved = state.moved.get(name);
      if (!moved?.before.has(value) || moved.left === 0) continue;
      moved.left -= 1;
      moved.until = performance.now() + ANSWER_MS;
      state.pending = { name, value: moved.value };
      report(state);
    }
  }, AGAIN_MS);
}

const KEY_STEPS = { ArrowUp: 1, ArrowRight: 1, ArrowDown: -1, ArrowLeft: -1, PageUp: 10, PageDown: -10 };

function createHandle(state, name) {
  const grip = document.createElement("div");
  const guide = document.createElement("div");
  grip.tabIndex = 0;
  grip.setAttribute("role", "slider");
  const handle = () => state.handles.find((each) => each.name === name);
  grip.addEventListener("pointerdown", (event) => {
    grip.setPointerCapture(event.pointerId);
    state.held = name;
    grip.classList.add("held");
  });
  grip.addEventListener("pointermove", (event) => {
    const axis = handle() && axisOf(state, handle());
    if (state.held !== name || !axis) return;
    const box = state.graph.getBoundingClientRect();
    const at = handle().axis[0] === "y" ? event.clientY - box.top : event.clientX - box.left;
    moveHandle(state, handle(), axis.p2l(at - axis._offset));
  });
  const release = () => {
    state.held = null;
    grip.classList.remove("held");
  };
  grip.addEventListener("pointerup", release);
  grip.addEventListener("pointercancel", release);
  grip.addEventListener("keydown", (event) => {
    const { value, lowest, highest, step } = { ...handle(), value: valueOf(state, handle()) };
    const target = { Home: lowest, End: highest }[event.key] ?? value + (KEY_STEPS[event.key] ?? NaN) * step;
    if (Number.isNaN(target)) return;
    event.preventDefault();
    event.stopPropagation();   // the arrows also move the page's cursor
    moveHandle(state, handle(), target);
  });
  state.root.querySelector(".handles").append(grip, guide);
  return { grip, guide };
}

function placeHandles(state) {
  const { l, t, w, h } = state.graph._fullLayout._size;
  const labels = [];
  for (const handle of state.handles) {
    const axis = axisOf(state, handle);
    if (!axis) continue;
    if (!state.grips.has(handle.name)) state.grips.set(handle.name, createHandle(state, handle.name));
    const { grip, guide } = state.grips.get(handle.name);
    const value = valueOf(state, handle);
    const along = handle.axis[0];
    const at = axis._offset + Math.min(axis._length, Math.max(0, axis.l2p(value)));
    for (const [part, kind] of [[grip, "handle"], [guide, "guide"]]) {
      part.classList.add(kind, along);
      part.style.setProperty("--colour", handle.color);
    }
    grip.textContent = String(value);
    for (const [name, text] of [
      ["label", handle.label], ["valuemin", handle.lowest], ["valuemax", handle.highest],
      ["valuenow", value], ["orientation", along === "y" ? "vertical" : "horizontal"],
    ]) grip.setAttribute(`aria-${name}`, text);
    Object.assign(guide.style, along === "y"
      ? { top: `${at}px`, left: `${l}px`, width: `${w}px` }
      : { left: `${at}px`, top: `${t}px`, height: `${h}px` });
    labels.push({ grip, along, at });
  }
  labels.sort((a, b) => a.at - b.at);
  const last = { x: -Infinity, y: -Infinity };
  for (const { grip, along, at } of labels) {
    last[along] = along === "y" ? Math.max(at, last.y + LEAST_APART_PX) : at;
    Object.assign(grip.style, along === "y"
      ? { top: `${last.y}px`, left: `${l + w}px` }
      : { left: `${at}px`, top: `${t}px` });
  }
  for (const [name, { grip, guide }] of state.grips) {
    if (state.handles.some((handle) => handle.name === name && axisOf(state, handle))) continue;
    grip.remove();
    guide.remove();
    state.grips.delete(name);
  }
}

// One drawing at a time, always of the newest data: what came in between is never drawn.
async function redraw(state) {
  state.dirty = true;
  if (state.busy || state.dragging) return;
  state.busy = true;
  try {
    const Plotly = await loadPlotly(state.data.plotly_url);
    while (state.dirty && !state.dragging && state.root.isConnected && state.graph.clientWidth > 0) {
      state.dirty = false;
      state.width = state.graph.clientWidth;
      const page = getComputedStyle(state.root).getPropertyValue("--st-background-color").trim();
      const theme = isDark(page) ? "dark" : "light";
      const { data = [], layout = {} } = inTheme(state.data.figure, state.data, theme);
      state.handles = inTheme(state.data.handles, state.data, theme);
      await draw(Plotly, state, data, themed(layout, state));
      placeHandles(state);
      reportAgain(state);
      if (!state.drawn) state.wire();
      state.drawn = true;
      state.note.hidden = true;
      await new Promise(requestAnimationFrame);
    }
  } catch (error) {
    console.warn("chart not drawn", error);
    state.dirty = false;
    state.note.hidden = false;
    state.note.textContent = `The chart could not be drawn (${error.message}). ${RETRY} ${state.data.alt}`;
  } finally {
    state.busy = false;
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".director-chart");
  const state = states.get(root) ?? create(root);
  state.data = { ...data, figure: JSON.parse(data.figure) };
  state.click = (value) => setTriggerValue("clicked", value);
  state.report = (value) => setTriggerValue("moved", value);
  root.setAttribute("aria-label", data.alt);
  redraw(state);
  return () => {
    // Streamlit also calls this when new data overtakes the first call; the chart then lives on.
    if (root.isConnected) return;
    state.observer.disconnect();
    state.forget();
    if (state.drawn) window.Plotly.purge(state.graph);
    states.delete(root);
  };
}
