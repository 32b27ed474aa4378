// Tokens come from a language model: they become text nodes and nothing else.

const RULES = { h: "hard", w: "window", t: "trend" };
const RULE_WORDS = { h: "hard limit", w: "window", t: "trend" };
const NEAR = ["0.10 or more left", "0.05 to 0.10 left", "0.02 to 0.05 left", "under 0.02 left", "broken"];
const LEAST_SHOWN = "2";
const AT_END_PX = 24;
const states = new WeakMap();

function themeOf(box) {
  const probe = document.createElement("canvas").getContext("2d");
  probe.fillStyle = getComputedStyle(box).getPropertyValue("--st-background-color").trim() || "#fff";
  probe.fillRect(0, 0, 1, 1);
  const [red, green, blue] = probe.getImageData(0, 0, 1, 1).data;
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue < 128 ? "dark" : "light";
}

function classOf(data, i) {
  const { heat, rule, held, tokens } = data;
  const names = [];
  // A token that is fine bears no mark: the reader looks for those that are not.
  if (heat[i] >= LEAST_SHOWN) names.push("heat" + heat[i]);
  if (RULES[rule[i]] && (heat[i] >= LEAST_SHOWN || i === data.halt)) names.push(RULES[rule[i]]);
  if (held[i] === "1") names.push("held");
  const state = readerState(data, i);
  if (state) names.push("undelivered", state);
  if (i === data.onset) names.push("onset");
  if (i === data.halt) names.push("halt");
  if (i === data.cursor) names.push("cursor");
  if (tokens[i] === "") names.push("empty");
  else if (tokens[i].includes("\n") && tokens[i].trim() === "") names.push("break");
  return names.join(" ");
}

// What became of a token on the reader's screen; "" if it stayed there.
function readerState({ delivered, kept }, i) {
  const isShown = delivered === null || i < delivered;
  if (kept !== null && i >= kept) return isShown ? "taken-back" : "unseen";
  return isShown ? "" : "grey";
}

function describe(data, i) {
  const { heat, rule, held, undelivered, halt, onset } = data;
  const parts = [`token ${i}`];
  if (RULES[rule[i]]) parts.push(`${RULE_WORDS[rule[i]]}: ${NEAR[heat[i]]}`);
  if (held[i] === "1") parts.push("score held");
  if (i === onset) parts.push("onset");
  if (i === halt) parts.push("halt");
  const state = readerState(data, i);
  if (state) parts.push(state === "taken-back" ? "shown, then taken back" : undelivered);
  return parts.join(" · ");
}

function create(box) {
  const state = { nodes: [], data: null, following: true, pick: null };
  const indexOf = (event) => state.nodes.indexOf(event.target.closest("bdi"));
  box.addEventListener("scroll", () => {
    state.following = box.scrollHeight - box.scrollTop - box.clientHeight < AT_END_PX;
  }, { passive: true });
  box.addEventListener("click", (event) => {
    const i = indexOf(event);
    // Selecting text ends in a click; that is not a pick.
    if (i >= 0 && document.getSelection().isCollapsed) state.pick(i);
  });
  box.addEventListener("pointerover", (event) => {
    const i = indexOf(event);
    if (i >= 0) event.target.closest("bdi").title = describe(state.data, i);
  });
  box.addEventListener("transitionrun", (event) => {
    if (event.target === box) {
      for (const part of box.parentElement.querySelectorAll("[data-theme]")) part.dataset.theme = themeOf(box);
    }
  });
  states.set(box, state);
  return state;
}

function reveal(box, node) {
  // Not scrollIntoView, which would move the page as well.
  const outer = box.getBoundingClientRect();
  const inner = node.getBoundingClientRect();
  if (inner.top < outer.top + 8 || inner.bottom > outer.bottom - 8) {
    box.scrollTop += inner.top - outer.top - (box.clientHeight - inner.height) / 2;
  }
}

function fill(node, token, isHalt) {
  if (!isHalt) {
    node.textContent = token;
    return;
  }
  // The box goes round the word: a space before it may stay behind on the line above.
  const box = document.createElement("b");
  const word = token.trimStart() || token;
  box.textContent = word;
  node.replaceChildren(token.slice(0, token.length - word.length), box);
}

function draw(box, state, data) {
  const previous = state.data;
  const { tokens } = data;
  const { nodes } = state;
  const fresh = previous?.generation !== data.generation;
  if (fresh || nodes.length > tokens.length) {
    for (const node of nodes.splice(fresh ? 0 : tokens.length)) node.remove();
  }
  if (fresh) state.following = data.follow;

  const added = document.createDocumentFragment();
  for (let i = 0; i < tokens.length; i++) {
    const name = classOf(data, i);
    let node = nodes[i];
    if (!node) {
      node = document.createElement("bdi");
      fill(node, tokens[i], i === data.halt);
      node.className = name;
      nodes.push(node);
      added.append(node);
      continue;
    }
    const boxChanged = (i === data.halt) !== (i === previous.halt);
    if (boxChanged || previous.tokens[i] !== tokens[i]) fill(node, tokens[i], i === data.halt);
    if (node.className !== name) node.className = name;
  }
  box.append(added);
  state.data = data;

  const target = data.cursor ?? (data.follow ? null : data.halt);
  const was = fresh ? undefined : previous.cursor ?? (data.follow ? null : previous.halt);
  if (target !== null && nodes[target]) {
    if (target !== was) reveal(box, nodes[target]);
  } else if (state.following && data.follow) {
    box.scrollTop = box.scrollHeight;
  }
}

export default function ({ data, parentElement, setTriggerValue }) {
  const box = parentElement.querySelector(".tokens");
  const state = states.get(box) ?? create(box);
  state.pick = (i) => setTriggerValue("picked", i);
  for (const part of parentElement.querySelectorAll("[data-theme]")) part.dataset.theme = themeOf(box);
  box.setAttribute("aria-label", data.label);
  box.querySelector(".waiting").textContent = data.empty;
  draw(box, state, data);
}
