// Tokens and names were written by others: they become text nodes and nothing else.
(() => {
  const $ = (id) => document.getElementById(id);
  const data = JSON.parse($("data").textContent);
  const { tokens, scores, margins, halt, stop } = data;
  const RULE_WORDS = ["hard limit", "window", "trend"];
  const RULE_OF = { h: "hard", w: "window", t: "trend" };
  const SPEEDS = [2, 5, 10, 20, 50, 100, 500];
  const CALM_MS = 500;
  const calm = matchMedia("(prefers-reduced-motion: reduce)");
  const n = tokens.length;
  const end = n - 1;
  const chart = $("chart");
  const drawing = haltChart(chart, $("legend"), data);

  // `shown` counts the tokens on screen: all at first, then as many as were played.
  const state = { cursor: Math.max(0, halt ?? end), shown: n, playing: false, fresh: true };

  // As many decimals as it takes to tell a value from nought.
  const signed = (value) => {
    let places = 3;
    while (places < 12 && value !== 0 && Number(value.toFixed(places)) === 0) places += 1;
    return (value < 0 ? "\u2212" : "+") + Math.abs(value).toFixed(places);
  };

  const whereIs = (i) => `token ${i} (0\u2013${end})`;

  /* The text */

  // What became of a token on the reader's screen; "" if it stayed there.
  function readerState(i) {
    const isShown = data.delivered === null || i < data.delivered;
    if (data.kept !== null && i >= data.kept) return isShown ? "taken-back" : "unseen";
    return isShown ? "" : "grey";
  }

  const nodes = tokens.map((token, i) => {
    const node = document.createElement("bdi");
    const names = ["token"];
    // A token that is fine bears no mark: the reader looks for those that are not.
    const near = data.heat[i] >= "2";
    if (near) names.push("heat" + data.heat[i]);
    const rule = i === halt ? data.alarms[0] : RULE_OF[data.binding[i]];
    if (rule && (near || i === halt)) names.push(rule);
    if (data.held[i] === "1") names.push("held");
    const state = readerState(i);
    if (state) names.push("undelivered", state);
    if (i === halt) names.push("halt");
    if (token === "") names.push("empty");
    else if (token.includes("\n") && token.trim() === "") names.push("break");
    node.className = names.join(" ");
    node.textContent = token;
    if (i === halt) {
      // The box goes round the word: a space before it may stay behind on the line above.
      const box = document.createElement("b");
      const word = token.trimStart() || token;
      box.textContent = word;
      node.replaceChildren(token.slice(0, token.length - word.length), box);
    }
    return node;
  });

  function reveal(node) {
    // Not scrollIntoView, which would move the page as well.
    const box = $("tokens");
    const [outer, inner] = [box.getBoundingClientRect(), node.getBoundingClientRect()];
    if (inner.top < outer.top + 8 || inner.bottom > outer.bottom - 8) {
      box.scrollTop += inner.top - outer.top - (box.clientHeight - inner.height) / 2;
    }
  }

  /* What the cursor is on */

  function readout() {
    const i = state.cursor;
    const scored = i < scores.length;
    $("where").textContent = whereIs(i);
    $("word").textContent = spelled(tokens[i]);
    $("score").textContent = scored
      ? `score ${scores[i].toFixed(4)}${data.held[i] === "1" ? " (held)" : ""}` : "no score";
    RULES.forEach((rule, r) => {
      const margin = scored ? margins[r][i] : null;
      const holds = i === halt ? data.alarms.includes(rule) : margin !== null && margin < 0;
      const cell = $("margins").querySelector("." + rule);
      cell.classList.toggle("holds", holds);
      const unsaid = data.off[r] ? "off" : scored ? "too few tokens" : "not judged";
      cell.lastElementChild.textContent = margin === null ? unsaid : signed(margin) + (holds ? " broken" : "");
    });
    $("next").textContent = coming(i);
    $("scrub").value = i;
    $("scrub").setAttribute("aria-valuetext", `${$("where").textContent}, ${$("score").textContent}`);
  }

  function coming(i) {
    if (stop !== null && i >= stop) {
      if (i > stop) return "After the halt.";
      return data.acted ? "The stream ends here." : "The stream would end here.";
    }
    if (halt !== null && i >= halt) return "A rule is broken; a soft halt waits for the end of the sentence.";
    if (i >= scores.length) return "The stream broke off at this token.";
    if (i === end) return data.complete ? "The stream completes here." : "The recording ends here.";
    const highest = bindingRule(data, i + 1);
    const floor = highest === null ? 0 : floorOf(data, highest, i + 1);
    if (floor <= 0) return "The next token may have any score.";
    if (floor > 1) return `No score of the next token can pass (${RULE_WORDS[highest]}).`;
    // Rounded up, so that the score named passes.
    return `The next token must score ${(Math.ceil(floor * 1e3 - 1e-6) / 1e3).toFixed(3)} or more (${RULE_WORDS[highest]}).`;
  }

  let [lastShown, lastCursor] = [n, -1];

  function update() {
    const { cursor, shown } = state;
    for (let i = Math.min(shown, lastShown); i < Math.max(shown, lastShown); i++) {
      nodes[i].classList.toggle("future", i >= shown);
    }
    if (cursor !== lastCursor && n) {
      nodes[lastCursor]?.classList.remove("cursor");
      nodes[cursor].classList.add("cursor");
      reveal(nodes[cursor]);
      readout();
    }
    [lastShown, lastCursor] = [shown, cursor];
    document.body.classList.toggle("playing", state.playing);
    $("play-word").textContent = state.playing ? "Pause" : "Play";
    // Every token of a playing stream would be too much to hear.
    $("readout").setAttribute("aria-live", state.playing ? "off" : "polite");
    drawing.update(state);
  }

  /* Playing */

  function seek(i) {
    if (!n) return;
    state.playing = state.fresh = false;
    state.cursor = Math.min(end, Math.max(0, i));
    state.shown = Math.max(state.shown, state.cursor + 1);
    update();
  }

  let [before, carry] = [0, 0];

  function frame(now) {
    if (!state.playing) return;
    const elapsed = now - before;
    if (elapsed >= (calm.matches ? CALM_MS : 0)) {
      // A tab that was in the background goes on where it was.
      carry += (Math.min(elapsed, 1000) / 1000) * Number($("speed").value);
      before = now;
      const step = Math.floor(carry);
      carry -= step;
      if (step) advance(step);
    }
    requestAnimationFrame(frame);
  }

  function advance(step) {
    let target = Math.min(end, state.cursor + step);
    if (halt !== null && state.cursor < halt && target >= halt) {
      target = halt;
      state.playing = false;
      $("announce").textContent = data.headline;
    }
    if (target === end) state.playing = false;
    state.cursor = target;
    state.shown = target + 1;
    update();
  }

  function toggle() {
    if (!n) return;
    state.playing = !state.playing;
    if (state.playing) {
      if (state.fresh || state.cursor === end) state.cursor = 0;
      state.fresh = false;
      state.shown = state.cursor + 1;
      $("announce").textContent = "";
      [before, carry] = [performance.now(), 0];
      requestAnimationFrame(frame);
    }
    update();
  }

  function choose(picture) {
    for (const name of ["rules", "floor"]) $(name).setAttribute("aria-pressed", name === picture);
    drawing.show(picture);
  }

  const DO = {
    first: () => seek(0),
    back: () => seek(state.cursor - 1),
    play: toggle,
    ahead: () => seek(state.cursor + 1),
    last: () => seek(end),
    halt: () => seek(halt ?? state.cursor),
    rules: () => choose("rules"),
    floor: () => choose("floor"),
  };
  const KEYS = {
    Home: "first", ArrowLeft: "back", " ": "play", ArrowRight: "ahead", End: "last",
    h: "halt", H: "halt", r: "rules", R: "rules", f: "floor", F: "floor",
  };

  document.addEventListener("keydown", (event) => {
    const name = KEYS[event.key];
    if (!name || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("select") || (event.key === " " && event.target.closest("button"))) return;
    event.preventDefault();
    if (event.key !== " " || !event.repeat) DO[name]();
  });
  // A click leaves the focus where it was, so that Space still plays after it.
  $("controls").addEventListener("mousedown", (event) => {
    if (event.target.closest("button")) event.preventDefault();
  });
  for (const name in DO) $(name).addEventListener("click", DO[name]);
  $("scrub").addEventListener("input", () => seek(Number($("scrub").value)));
  $("tokens").addEventListener("click", (event) => {
    const i = nodes.indexOf(event.target.closest("bdi"));
    // Selecting text ends in a click; that is not a pick.
    if (i >= 0 && document.getSelection().isCollapsed) seek(i);
  });
  const point = (event) => seek(drawing.tokenAt(event.clientX - chart.getBoundingClientRect().left));
  chart.addEventListener("pointerdown", (event) => {
    chart.setPointerCapture(event.pointerId);
    point(event);
  });
  chart.addEventListener("pointermove", (event) => {
    if (event.buttons) point(event);
  });

  /* The page */

  document.title = `${data.id} · session replay`;
  $("headline").textContent = data.headline;
  $("note").textContent = data.note;
  $("note").hidden = !data.note;
  $("withheld").hidden = data.textKept;
  if (data.rule) $("banner").classList.add(data.rule);
  $("grey").hidden = data.delivered === null || data.kept !== null;
  $("reader").hidden = data.kept === null;
  // The words after it stay where they are, however long the number gets.
  $("where").style.minWidth = `${whereIs(end).length}ch`;
  $("legend").querySelector(".tail").hidden = stop === null || stop >= scores.length - 1;
  chart.setAttribute("aria-label", data.alt);
  for (const [name, value] of data.facts) {
    const [term, detail] = [document.createElement("dt"), document.createElement("dd")];
    term.textContent = name;
    detail.textContent = value;
    $("facts").append(term, detail);
  }
  $("tokens").append(...nodes);
  const until = halt ?? n;
  for (const speed of SPEEDS) $("speed").add(new Option(`${speed} tokens/s`, speed));
  $("speed").value = SPEEDS.find((speed) => speed >= 10 && until / speed <= 20) ?? SPEEDS.at(-1);
  $("scrub").max = Math.max(0, end);
  for (const control of $("controls").querySelectorAll("button, input")) control.disabled = n === 0;
  $("halt").disabled = halt === null;
  $("replay").hidden = false;
  choose("rules");
  update();
  // Also draws it for the first time.
  new ResizeObserver(() => {
    drawing.draw();
    if (n) reveal(nodes[state.cursor]);
  }).observe(chart);
})();
