/**
 * Reference client of a released stream's events: the screen they describe.
 *
 * One file without dependencies, to be copied where it is needed; the same as release_client.py.
 */

/** A reader's screen. */
export class Screen {
  constructor() {
    /** Everything on it; after the last event, and nothing else, what the next request may quote. */
    this.text = "";
    /** Tokens that were being checked when it was last said; 0 once text has come. */
    this.held = 0;
    /** Data of the event "end"; null before it. A body that breaks off ends with "cut_off". */
    this.end = null;
  }

  /** Apply an event; those of unknown kinds change nothing. */
  apply(kind, data) {
    if (kind === "message") {
      this.text += data.text;
      this.held = 0;
    } else if (kind === "held") {
      this.held = data.n;
    } else if (kind === "retracted") {
      // Places count code points, where JavaScript counts halves of surrogate pairs.
      const points = Array.from(this.text);
      points.splice(data.from, data.to - data.from, data.text);
      this.text = points.join("");
    } else if (kind === "end") {
      this.end = data;
      this.held = 0;
    }
  }
}

/**
 * Apply the events of a body to a screen.
 *
 * @param {ReadableStream<Uint8Array>} body Bytes of a response, cut anywhere. What it throws is
 *   thrown once the screen has its end.
 * @param {Screen} screen The screen that changes.
 * @param {(screen: Screen) => void} changed Called after each event.
 */
export async function follow(body, screen, changed = () => {}) {
  let kind = "message";
  let data = [];
  try {
    for await (const line of lines(body)) {
      if (line !== "") {
        const [, name, value] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line);
        if (name === "event") {
          kind = value;
        } else if (name === "data") {
          data.push(value);
        }
        continue;
      }
      if (data.length > 0) {
        screen.apply(kind, JSON.parse(data.join("\n")));
        changed(screen);
      }
      kind = "message";
      data = [];
    }
  } finally {
    if (screen.end === null) {
      screen.apply("end", { halted: true, class: "fault", code: "cut_off", index: null });
      changed(screen);
    }
  }
}

/** Yield the whole lines of a body; the rest of one that broke off is none. */
async function* lines(body) {
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) {
      return;
    }
    const whole = (rest + decoder.decode(value, { stream: true })).split(/\r\n|\n|\r(?!$)/);
    rest = whole.pop();
    yield* whole;
  }
}
