"use strict";
// The coherence curve, the floors under it and the point where it meets them, as SVG.
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

function haltChart(chart, data) {
  const { tokens, scores, halt, stop, onset } = data;
  const PAD = { top: 30, right: 18, bottom: 48, left: 56 };
  const TOP_SCORE = 1.05;
  const MOST_DOTS = 200;
  const WORD_PX = 7.5;
  const n = tokens.length;

  const scale = {};
  const x = (i) => PAD.left + ((i + 0.5) / scale.span) * scale.width;
  const y = (score) => PAD.top + (1 - score / TOP_SCORE) * scale.height;

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
    const across = PAD.top + scale.height / 2;
    add(group, "text", { x: 14, y: across, "text-anchor": "middle", transform: `rotate(-90 14 ${across})` }, "coherence (0 to 1)");
  }

  // Where in the step from one token to the next the rule that binds may change: 0 to 1, ascending.
  function crossings(i, j) {
    const parts = [0, 1];
    for (const [a, b] of [[0, 1], [0, 2], [1, 2]]) {
      const before = floorOf(data, a, i) - floorOf(data, b, i);
      const after = floorOf(data, a, j) - floorOf(data, b, j);
      if (before * after < 0) parts.push(before / (before - after));
    }
    return parts.sort((p, q) => p - q);
  }

  // The area under the highest floor, in the colour of the rule it is of.
  function zone(group, indices) {
    const areas = ["", "", ""];
    for (let k = 1; k < indices.length; k++) {
      const [i, j] = [indices[k - 1], indices[k]];
      // A floor that starts at j has no line before it.
      const armed = [0, 1, 2].filter((r) => floorOf(data, r, i) !== null && floorOf(data, r, j) !== null);
      if (armed.length === 0) continue;
      const height = (r, part) => floorOf(data, r, i) + part * (floorOf(data, r, j) - floorOf(data, r, i));
      const parts = crossings(i, j);
      for (let p = 1; p < parts.length; p++) {
        const [from, to] = [parts[p - 1], parts[p]];
        const middle = (from + to) / 2;
        const r = armed.reduce((best, row) => (height(row, middle) > height(best, middle) ? row : best));
        const [left, right] = [from, to].map((part) => x(i) + part * (x(j) - x(i)));
        areas[r] += `M${left} ${y(0)}L${left} ${y(height(r, from))}L${right} ${y(height(r, to))}L${right} ${y(0)}Z`;
      }
    }
    areas.forEach((d, r) => add(add(group, "g", { class: RULES[r] }), "path", { class: "zone", d }));
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
    const right = i > scale.span / 2;
    const place = { class: "note", x: x(i) + (right ? -7 : 7), y: atBottom ? bottom - 8 : PAD.top - 10 };
    add(group, "text", { ...place, "text-anchor": right ? "end" : "start" }, words);
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
    // The floor of the token to come is known before its score is; past the halt none is to come.
    const floored = stop === null ? [...scored, scores.length] : scored.filter((i) => i <= stop);
    const under = add(chart, "g", { "clip-path": "url(#ahead)" });
    zone(under, floored);
    RULES.forEach((rule, r) => {
      const d = path(floored, (i) => floorOf(data, r, i));
      add(add(under, "g", { class: rule }), "path", { class: "floor", d });
    });
    const over = add(chart, "g", { "clip-path": "url(#past)" });
    const line = (part, name) => add(over, "path", { class: name, d: path(part, (i) => scores[i]) });
    if (stop !== null) line(scored.filter((i) => i >= stop), "curve tail");
    line(scored.filter((i) => stop === null || i <= stop), "curve");
    if (scored.length <= MOST_DOTS) dots(over, scored);
    scale.marks = [];
    if (onset !== null && onset <= n) {
      const group = add(chart, "g", { class: "onset" });
      mark(group, onset, "▽ goes wrong here (label)", true);
      scale.marks.push(group);
    }
    if (halt !== null) {
      const group = add(chart, "g", { class: "halt " + data.alarms[0] });
      mark(group, halt, `✖ ${data.acted ? "halt" : "would halt"} at ${halt}`, false);
      const [cx, cy] = [x(halt), y(scores[halt])];
      const d = `M${cx - 6} ${cy - 6}l12 12m0 -12l-12 12`;
      add(group, "path", { class: "rim", d });
      add(group, "path", { class: "cross", d });
      scale.marks.push(group);
    }
    scale.cursor = add(chart, "g", { class: "cursor" });
    scale.upright = add(scale.cursor, "line", { y1: PAD.top, y2: PAD.top + scale.height });
    scale.dot = add(scale.cursor, "circle", { r: 5 });
    if (seen) update(seen);
  }

  let seen = null;

  // Draws nothing anew: it only moves what is on the page.
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
    scale.cursor.setAttribute("visibility", n ? "visible" : "hidden");
    scale.upright.setAttribute("x1", x(cursor));
    scale.upright.setAttribute("x2", x(cursor));
    scale.upright.setAttribute("visibility", cursor === halt ? "hidden" : "inherit");
    scale.dot.setAttribute("cx", x(cursor));
    scale.dot.setAttribute("cy", cursor < scores.length ? y(scores[cursor]) : y(0));
    scale.dot.setAttribute("visibility", cursor < scores.length && cursor !== halt ? "inherit" : "hidden");
  }

  const tokenAt = (px) => Math.round(((px - PAD.left) / scale.width) * scale.span - 0.5);

  return { draw, update, tokenAt };
}
