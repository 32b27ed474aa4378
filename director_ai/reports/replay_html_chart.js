"use strict";
// The coherence curve, one of the two pictures of its rules and the point where they halt, as SVG.
// Labels are set as text, never as markup.

const RULES = ["hard", "window", "trend"];

const spelled = (token) => (token === "" ? "∅" : token.replace(/\n/g, "↵").replace(/\t/g, "⇥"));

// Lowest passing score of a token by rule `r`; null where it is not armed. One past the last
// score it is that of the token still to come.
function floorOf({ floors }, r, i) {
  return floors[r][Math.min(i, floors[r].length - 1)];
}

// The rule whose floor is highest at a token, or null where none is armed.
function bindingRule(data, i) {
  let row = null;
  for (let r = 0; r < 3; r++) {
    const floor = floorOf(data, r, i);
    if (floor !== null && (row === null || floor > floorOf(data, row, i))) row = r;
  }
  return row;
}

function haltChart(chart, legend, data) {
  const { tokens, scores, halt, stop, onset } = data;
  const PAD = { top: 30, right: 18, bottom: 48, left: 56 };
  const TOP_SCORE = 1.05;
  const MOST_DOTS = 200;
  const WORD_PX = 7.5;
  const DASHES = { dash: "9 5", dot: "2 4", dashdot: "8 3 2 3" };
  const n = tokens.length;

  let picture = "rules";
  let seen = null;
  const scale = {};
  const x = (i) => PAD.left + ((i + 0.5) / scale.span) * scale.width;

  // The height of a value: in share `from` to `to` of the picture, from its foot.
  const heightOf = ([from, to], share) => PAD.top + (1 - from - (to - from) * share) * scale.height;
  const y = (score) => heightOf(data.pictures[picture].strip?.curve ?? [0, 1], score / TOP_SCORE);

  // A fall beyond the strip runs out at its top.
  function yOf(axis, value) {
    const { strip } = data.pictures[picture];
    return axis === "y" ? y(value) : heightOf(strip.domain, Math.min(1, value / strip.range[1]));
  }

  function add(parent, tag, attributes = {}, text = "") {
    const node = document.createElementNS(chart.namespaceURI, tag);
    for (const name in attributes) node.setAttribute(name, attributes[name]);
    if (text) node.textContent = text;
    parent.append(node);
    return node;
  }

  function path(indices, valueOf) {
    let joined = false;
    return indices.map((i) => {
      const value = valueOf(i);
      const step = value === null ? "" : `${joined ? "L" : "M"}${x(i).toFixed(1)} ${y(value).toFixed(1)}`;
      joined = value !== null;
      return step;
    }).join("");
  }

  function axes() {
    const group = add(chart, "g");
    const bottom = PAD.top + scale.height;
    for (let tenth = 0; tenth <= 10; tenth += 2) {
      const at = y(tenth / 10);
      add(group, "line", { class: "grid", x1: PAD.left, x2: PAD.left + scale.width, y1: at, y2: at });
      add(group, "text", { x: PAD.left - 9, y: at + 4, "text-anchor": "end" }, String(tenth / 10));
    }
    const { strip } = data.pictures[picture];
    if (strip) {
      add(group, "text", { x: PAD.left - 9, y: yOf("y2", strip.tick) + 4, "text-anchor": "end" }, String(strip.tick));
    }
    const slot = scale.width / scale.span;
    const wordy = slot >= 5 * WORD_PX;
    const least = (wordy ? 1 : 48 / slot);
    const step = [1, 2, 5, 10, 20, 50].map((s) => [s, s * 100, s * 10000]).flat()
      .sort((a, b) => a - b).find((s) => s >= least) ?? 1e6;
    for (let i = 0; i < Math.max(n, 11); i += step) {
      add(group, "line", { class: "grid", x1: x(i), x2: x(i), y1: PAD.top, y2: bottom });
      add(group, "text", { x: x(i), y: bottom + 16, "text-anchor": "middle" }, String(i));
      if (wordy && i < n) {
        const room = Math.floor(slot / WORD_PX);
        const word = [...spelled(tokens[i].trim() || tokens[i])];
        const cut = word.length > room ? word.slice(0, room - 1).join("") + "…" : word.join("");
        scale.words.push(add(group, "text", { x: x(i), y: bottom + 30, "text-anchor": "middle" }, cut));
      }
    }
    const middle = PAD.left + scale.width / 2;
    const title = "token" + (data.drawn ? `, extremes of ${n.toLocaleString("en")}` : "");
    add(group, "text", { x: middle, y: bottom + (wordy ? 45 : 36), "text-anchor": "middle" }, title);
    const across = y(0.5);
    add(group, "text", { x: 14, y: across, "text-anchor": "middle", transform: `rotate(-90 14 ${across})` }, "coherence (0 to 1)");
  }

  const paint = (node, kind, [colour, opacity]) => {
    node.style.setProperty(kind, `var(--${colour})`);
    node.style.setProperty(`${kind}-opacity`, opacity);
  };

  // A trace of the Plotly figure; one that is filled closes on itself, or on the foot of the picture.
  function trace(group, { axis, x: xs, y: ys, fill, toZero, line, width, dash }) {
    let outline = "";
    let area = "";
    let start = null;
    const close = (i) => {
      if (start !== null) area += toZero ? `L${x(xs[i]).toFixed(1)} ${y(0)}L${x(xs[start]).toFixed(1)} ${y(0)}Z` : "Z";
      start = null;
    };
    ys.forEach((value, i) => {
      if (value === null) return close(i - 1);
      const step = `${start === null ? "M" : "L"}${x(xs[i]).toFixed(1)} ${yOf(axis, value).toFixed(1)}`;
      start ??= i;
      outline += step;
      area += step;
    });
    close(ys.length - 1);
    if (fill) paint(add(group, "path", { class: "area", d: area }), "fill", fill);
    if (!line) return;
    const drawn = add(group, "path", { class: "line", d: outline, "stroke-width": width, "stroke-dasharray": DASHES[dash] ?? "none" });
    paint(drawn, "stroke", line);
  }

  function named(group, { text, axis, y: value, above, colour }) {
    const place = { class: "name", x: PAD.left + 6, y: yOf(axis, value) + (above ? -5 : 14) };
    paint(add(group, "text", place, text), "fill", [colour, 1]);
  }

  // The windows that end at a token: the mean of the one, the fitted fall of the other. Their
  // figures are said at the cursor alone, so that those of two places never overlap.
  function windows(group, i, isCursor) {
    group.replaceChildren();
    if (picture !== "rules" || i >= scores.length) return;
    const { window, trend } = data.pictures.windows;
    const words = (className, at, value, text) => {
      if (!isCursor) return;
      const left = at > scale.span / 2;
      const place = { class: `name ${className}`, x: x(at) + (left ? -8 : 8), y: y(value) + 17 };
      add(group, "text", { ...place, "text-anchor": left ? "end" : "start" }, text);
    };
    const bracket = (rule, size, from, to) => {
      const [left, right] = [x(i - size + 1), x(i)];
      const d = `M${left} ${y(from) - 6}v12M${right} ${y(to) - 6}v12M${left} ${y(from)}L${right} ${y(to)}`;
      add(group, "path", { class: `bracket ${rule}`, d });
    };
    if (trend && data.margins[2][i] !== null) {
      const [size, allowed] = trend;
      const drop = allowed - data.margins[2][i];
      // A fitted line passes through the centre of its points.
      const centre = scores.slice(i - size + 1, i + 1).reduce((sum, score) => sum + score, 0) / size;
      const [top, foot] = [centre + drop / 2, centre - drop / 2];
      const [left, right] = [x(i - size + 1), x(i)];
      const wedge = (name, from, ...to) => add(group, "path", {
        class: name, d: `M${left} ${y(top)}L${right} ${y(from)}` + to.map((value) => `L${right} ${y(value)}`).join("") + "Z",
      });
      wedge("allowed", top, top - allowed);
      if (drop > allowed) wedge("beyond", top - allowed, foot);
      bracket("trend", size, top, foot);
      if (drop > allowed) words("trend", i, foot, `fell by ${drop.toFixed(3)}`);
    }
    if (window && data.margins[1][i] !== null) {
      const [size, limit] = window;
      const mean = limit + data.margins[1][i];
      bracket("window", size, mean, mean);
      words("window", i - size + 1, mean, `mean ${mean.toFixed(3)}`);
    }
  }

  function dots(group, indices) {
    for (const i of indices) {
      const held = data.held[i] === "1" ? " held" : "";
      const tail = stop !== null && i > stop ? " tail" : "";
      add(group, "circle", { class: "dot" + held + tail, cx: x(i), cy: y(scores[i]), r: 2.75 });
    }
  }

  function mark(group, i, words, atBottom) {
    const bottom = PAD.top + scale.height;
    add(group, "line", { class: "upright", x1: x(i), x2: x(i), y1: PAD.top - 6, y2: bottom });
    const note = add(group, "text", { class: "note", y: atBottom ? y(0) - 8 : PAD.top - 10 }, words);
    const length = note.getComputedTextLength();
    const beside = i > scale.span / 2 ? x(i) - 7 - length : x(i) + 7;
    note.setAttribute("x", Math.max(0, Math.min(beside, chart.clientWidth - length)));
    group.dataset.from = i;
  }

  function draw() {
    const [width, height] = [chart.clientWidth, chart.clientHeight];
    if (!width) return;
    chart.replaceChildren();
    chart.setAttribute("viewBox", `0 0 ${width} ${height}`);
    Object.assign(scale, {
      width: width - PAD.left - PAD.right,
      height: height - PAD.top - PAD.bottom,
      span: Math.max(n, 11) + 1,
      words: [],
    });
    const clips = add(chart, "defs");
    const clip = (id, extra) => add(add(clips, "clipPath", { id }), "rect", {
      x: PAD.left, y: PAD.top, height: scale.height + extra, width: 0,
    });
    scale.past = clip("past", 4);
    scale.ahead = clip("ahead", 0);
    axes();
    const scored = data.drawn ?? scores.map((_, i) => i);
    const { traces, names } = data.pictures[picture];
    // Two points are a limit, there from the first token; a floor is known before its score is.
    const reach = picture === "floor" ? "url(#ahead)" : "url(#past)";
    const [still, under] = [add(chart, "g", { class: "still" }), add(chart, "g", { "clip-path": reach })];
    for (const each of traces) trace(each.x.length === 2 ? still : under, each);
    const over = add(chart, "g", { "clip-path": "url(#past)" });
    const line = (part, name) => add(over, "path", { class: name, d: path(part, (i) => scores[i]) });
    if (stop !== null) line(scored.filter((i) => i >= stop), "curve tail");
    line(scored.filter((i) => stop === null || i <= stop), "curve");
    if (scored.length <= MOST_DOTS) dots(over, scored);
    const labels = add(chart, "g");
    for (const each of names) named(labels, each);
    scale.marks = [];
    if (onset !== null && onset <= n) {
      const group = add(chart, "g", { class: "onset" });
      mark(group, onset, "▽ goes wrong here (label)", true);
      scale.marks.push(group);
    }
    if (halt !== null) {
      const group = add(chart, "g", { class: "halt " + data.alarms[0] });
      scale.atHalt = add(group, "g", { class: "windows" });
      mark(group, halt, `✖ ${data.acted ? "stopped" : "would stop"} at ${halt}`, false);
      const [cx, cy] = [x(halt), y(scores[halt])];
      const d = `M${cx - 6} ${cy - 6}l12 12m0 -12l-12 12`;
      add(group, "path", { class: "rim", d });
      add(group, "path", { class: "cross", d });
      scale.marks.push(group);
    }
    scale.atCursor = add(chart, "g", { class: "windows" });
    scale.cursor = add(chart, "g", { class: "cursor" });
    scale.upright = add(scale.cursor, "line", { y1: PAD.top, y2: PAD.top + scale.height });
    scale.dot = add(scale.cursor, "circle", { r: 5 });
    if (seen) update(seen);
  }

  // Draws nothing anew but the windows at the cursor: it only moves what is on the page.
  function update({ cursor, shown }) {
    seen = { cursor, shown };
    if (!scale.width) return;
    const reach = (count) => (shown >= n ? scale.width : Math.max(0, x(count) - PAD.left));
    scale.past.setAttribute("width", reach(shown - 1));
    scale.ahead.setAttribute("width", reach(shown));
    scale.words.forEach((word, i) => word.setAttribute("visibility", i < shown ? "visible" : "hidden"));
    for (const group of scale.marks) {
      group.setAttribute("visibility", group.dataset.from < shown || shown >= n ? "visible" : "hidden");
    }
    if (halt !== null) windows(scale.atHalt, halt, cursor === halt);
    windows(scale.atCursor, cursor === halt ? scores.length : cursor, true);
    scale.cursor.setAttribute("visibility", n ? "visible" : "hidden");
    scale.upright.setAttribute("x1", x(cursor));
    scale.upright.setAttribute("x2", x(cursor));
    scale.upright.setAttribute("visibility", cursor === halt ? "hidden" : "inherit");
    scale.dot.setAttribute("cx", x(cursor));
    scale.dot.setAttribute("cy", cursor < scores.length ? y(scores[cursor]) : y(0));
    scale.dot.setAttribute("visibility", cursor < scores.length && cursor !== halt ? "inherit" : "hidden");
  }

  const tokenAt = (px) => Math.round(((px - PAD.left) / scale.width) * scale.span - 0.5);

  function entry({ name, fill, line, width, dash }) {
    const item = document.createElement("li");
    const sample = add(item, "svg", { viewBox: "0 0 26 10" });
    if (fill) paint(add(sample, "rect", { width: 26, height: 10 }), "fill", fill);
    if (line) paint(add(sample, "path", { d: "M0 5H26", "stroke-width": width, "stroke-dasharray": DASHES[dash] ?? "none" }), "stroke", line);
    item.append(name);
    return item;
  }

  // Of the curve, which both pictures have.
  const lines = [...legend.children];

  function show(name) {
    picture = name;
    const named = data.pictures[picture].traces.filter((each) => each.legend && each.y.some((value) => value !== null));
    legend.replaceChildren(...named.map(entry), ...lines);
    draw();
  }

  return { draw, update, show, tokenAt };
}
