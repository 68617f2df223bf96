/** What items print: the latest lines of all, or the end of what one item printed, live. */

import type { Channel } from "./channel.ts";
import { count, el, GLYPHS, setText } from "./dom.ts";
import { printedLine } from "./notices.ts";
import { Polite } from "./polite.ts";
import type { ItemLog, Printed, Snapshot } from "./protocol.ts";

const ALL =
  "The latest lines of all items. Click a row of the results, or type the number of an item.";

export class LogsView {
  readonly element = el("div", "jpar-logs", { role: "region", "aria-label": "Logs" });
  readonly #item = el("input", "jpar-number", {
    type: "number",
    min: 0,
    step: 1,
    placeholder: "all",
    "aria-label": "Item whose output is shown",
  });
  readonly #all = el("button", "jpar-button", { type: "button" }, "All items");
  readonly #about = el("span", "jpar-muted");
  readonly #text = el("div", "jpar-log", {
    role: "log",
    "aria-live": "off",
    "aria-label": "Output",
    tabindex: 0,
  });
  readonly #channel: Channel;
  readonly #signal: AbortSignal;
  #polite: Polite;
  #chosen: number | null = null;
  #printed: Printed = { total: 0, lines: [] };
  #state = "";

  constructor(channel: Channel, signal: AbortSignal) {
    this.#channel = channel;
    this.#signal = signal;
    this.#polite = this.#asking();
    const label = el("label", "jpar-check", {}, "Item", this.#item);
    this.element.append(el("div", "jpar-bar", {}, label, this.#all, this.#about), this.#text);
    this.#item.addEventListener("input", () => this.#typed(), { signal });
    this.#all.addEventListener("click", () => this.choose(null), { signal });
  }

  /** Show the output of one item, or the latest lines of all. */
  choose(item: number | null): void {
    this.#item.value = item === null ? "" : String(item);
    this.#choose(item);
  }

  update(snapshot: Snapshot): void {
    this.#state = `${snapshot.complete} ${snapshot.round}`;
    this.opened();
  }

  /** Items have printed. */
  heard(printed: Printed): void {
    this.#printed = printed;
    this.opened();
  }

  /** The panel is in sight: bring it up to date. */
  opened(): void {
    if (this.element.hidden) return;
    this.#all.disabled = this.#chosen === null;
    if (this.#chosen === null) this.#drawAll();
    else this.#polite.want(`${this.#state} ${this.#printed.total}`);
  }

  #typed(): void {
    const item = this.#item.valueAsNumber;
    this.#choose(Number.isInteger(item) && item >= 0 ? item : null);
  }

  #choose(item: number | null): void {
    if (item === this.#chosen) return;
    this.#chosen = item;
    // Another item is asked for at once, whatever pause the one before has earned.
    this.#polite = this.#asking();
    this.opened();
  }

  #asking(): Polite {
    return new Polite(() => this.#load(), this.#signal);
  }

  async #load(): Promise<void> {
    const index = this.#chosen;
    if (index === null) return;
    try {
      const log = (await this.#channel.ask({ kind: "log", index })) as ItemLog;
      if (index === this.#chosen) this.#draw(log);
    } catch (error) {
      if (index !== this.#chosen) return;
      setText(this.#about, (error as Error).message);
      this.#text.replaceChildren();
    }
  }

  #drawAll(): void {
    setText(this.#about, ALL);
    const { lines, total } = this.#printed;
    const dropped = total - lines.length;
    this.#fill(dropped > 0 ? `… ${count(dropped)} earlier lines` : "", lines.map(printedLine));
  }

  #draw({ index, state, dropped, lines }: ItemLog): void {
    const silent = lines.length ? "" : ", has printed nothing";
    setText(this.#about, `item ${count(index)} ${GLYPHS[state] ?? ""} ${state}${silent}`);
    const head = dropped ? `… ${count(dropped)} characters dropped` : "";
    this.#fill(
      head,
      lines.map(({ stream, text }) =>
        el("div", stream === "stderr" ? "jpar-print jpar-stderr" : "jpar-print", {}, text || " "),
      ),
    );
  }

  /** Put lines in; who reads the end stays there, who has scrolled up is left alone. */
  #fill(head: string, lines: HTMLElement[]): void {
    const { scrollTop, scrollHeight, clientHeight } = this.#text;
    const atEnd = scrollHeight - scrollTop - clientHeight < 4;
    const first = head ? [el("div", "jpar-muted", {}, head)] : [];
    const next = [...first, ...lines];
    const same = next.map((line) => line.textContent).join("\n");
    if (same === [...this.#text.children].map((line) => line.textContent).join("\n")) return;
    this.#text.replaceChildren(...next);
    if (atEnd) this.#text.scrollTop = this.#text.scrollHeight;
  }
}
