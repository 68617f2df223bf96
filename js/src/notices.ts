/** What the run has to say: its first failure, a note, a word on the connection, and what items print. */

import { count, el, GLYPHS, setText } from "./dom.ts";
import type { FirstFailure, Printed, Snapshot } from "./protocol.ts";

const SILENT =
  "The kernel does not answer while it is busy: what you clicked happens as soon as it can. ■ interrupts the run.";

const GONE = "The kernel is gone, and the run with it: this is its last known state.";

export class NoticesView {
  readonly element = el("div", "jpar-notices");
  readonly #failure = el("div", "jpar-first-failure", { hidden: true });
  readonly #note = el("div", "jpar-note", { hidden: true });
  readonly #problem = el("div", "jpar-problem", { hidden: true, role: "alert" });
  readonly #gone = el("div", "jpar-note", { hidden: true }, GONE);
  readonly #silence = el("div", "jpar-note", { hidden: true }, SILENT);

  constructor(show: (item: number) => void, signal: AbortSignal) {
    const jump = el("button", "jpar-link", { type: "button", title: "Show its row" });
    this.#failure.append(
      el("span", "jpar-glyph jpar-failure", { "aria-hidden": "true" }, GLYPHS.failure!),
      jump,
      el("code", "jpar-error"),
      el("span", "jpar-muted"),
    );
    jump.addEventListener("click", () => show(Number(jump.dataset.item)), { signal });
    this.element.append(this.#failure, this.#note, this.#gone, this.#silence, this.#problem);
  }

  update(snapshot: Snapshot): void {
    this.#failure.hidden = snapshot.failure === null;
    if (snapshot.failure) this.#fail(snapshot.failure);
    setText(this.#note, snapshot.note);
    this.#note.hidden = snapshot.note === "";
  }

  #fail(failure: FirstFailure): void {
    const [, jump, error, rest] = this.#failure.children as unknown as HTMLElement[];
    jump!.dataset.item = String(failure.index);
    setText(jump!, `item ${count(failure.index)} failed`);
    setText(error!, failure.error);
    error!.title = failure.error;
    setText(rest!, [failure.item, failure.where].filter(Boolean).join(" · "));
  }

  connected(connected: boolean): void {
    this.#gone.hidden = connected;
  }

  silent(silent: boolean): void {
    this.#silence.hidden = !silent;
  }

  problem(text: string): void {
    setText(this.#problem, text);
    this.#problem.hidden = text === "";
  }
}

export class PrintsView {
  readonly element = el("div", "jpar-prints", {
    hidden: true,
    tabindex: 0,
    role: "log",
    "aria-live": "off",
    "aria-label": "Printed by items",
  });
  #last = -1;

  update(printed: Printed): void {
    const { lines, total } = printed;
    const last = lines.at(-1)?.n ?? -1;
    this.element.hidden = lines.length === 0;
    if (last === this.#last) return;
    this.#last = last;
    const { scrollTop, scrollHeight, clientHeight } = this.element;
    const atEnd = scrollHeight - scrollTop - clientHeight < 4;
    const dropped = total - lines.length;
    const head =
      dropped > 0 ? [el("div", "jpar-muted", {}, `… ${count(dropped)} earlier lines`)] : [];
    this.element.replaceChildren(...head, ...lines.map(printedLine));
    if (atEnd) this.element.scrollTop = this.element.scrollHeight;
  }
}

export function printedLine(line: Printed["lines"][number]): HTMLElement {
  const className = line.stream === "stderr" ? "jpar-print jpar-stderr" : "jpar-print";
  return el("div", className, {}, el("span", "jpar-muted", {}, `[#${line.index}] `), line.text);
}
