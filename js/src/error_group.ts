/** One group of failures: a line that opens, and then the item, its frames, and how to go on. */

import type { Channel } from "./channel.ts";
import { copyButton } from "./clipboard.ts";
import { count, el, GLYPHS, setText } from "./dom.ts";
import type { ErrorsLinks } from "./errors.ts";
import type { ErrorGroup, FailureDetail, Scope } from "./protocol.ts";

export type Again = (scope: Scope, index: number) => void;

let groups = 0;

export class ErrorGroupView {
  readonly element = el("li", "jpar-error-group");
  readonly #toggle = el("button", "jpar-error-toggle", {
    type: "button",
    "aria-expanded": "false",
  });
  readonly #number = el("b");
  readonly #error = el("code", "jpar-error");
  readonly #where = el("span", "jpar-muted");
  readonly #items = el("div", "jpar-error-items");
  readonly #retry = el("button", "jpar-button", { type: "button" });
  readonly #detail = el("div", "jpar-error-detail", { hidden: true, id: `jpar-error-${++groups}` });
  readonly #channel: Channel;
  readonly #links: ErrorsLinks;
  readonly #again: Again;
  readonly #signal: AbortSignal;
  #group: ErrorGroup = { type: "", message: "", where: "", count: 0, indices: [] };
  /** The item whose frames are shown; another than the first when it was chosen. */
  #shown = -1;
  #chosen = -1;

  constructor(channel: Channel, links: ErrorsLinks, again: Again, signal: AbortSignal) {
    this.#channel = channel;
    this.#links = links;
    this.#again = again;
    this.#signal = signal;
    this.#toggle.setAttribute("aria-controls", this.#detail.id);
    this.#toggle.append(this.#number, " ", this.#error, " ", this.#where);
    this.element.append(
      el("div", "jpar-error-line", {}, this.#toggle, this.#retry),
      this.#items,
      this.#detail,
    );
    this.#toggle.addEventListener("click", () => this.#open(this.#detail.hidden), { signal });
    this.#retry.addEventListener("click", () => again("group", this.#first), { signal });
  }

  get #first(): number {
    return this.#group.indices[0] ?? 0;
  }

  update(group: ErrorGroup): void {
    const before = this.#group.indices.join();
    this.#group = group;
    const error = group.message ? `${group.type}: ${group.message}` : group.type;
    setText(this.#number, `${count(group.count)} ×`);
    setText(this.#error, error);
    this.#error.title = error;
    setText(this.#where, group.where ? `at ${group.where}` : "");
    setText(this.#retry, group.count === 1 ? "Retry it" : `Retry these ${count(group.count)}`);
    if (before !== group.indices.join()) this.#drawItems();
    if (!this.#detail.hidden) this.#show();
  }

  /** Items run again: what is shown of one may not hold. */
  forget(): void {
    this.#shown = this.#chosen = -1;
  }

  #drawItems(): void {
    const { indices, count: all } = this.#group;
    const links = indices.flatMap((index, i) => [i ? ", " : "", this.#link(index)]);
    const more = all > indices.length ? `, … ${count(all - indices.length)} more` : "";
    this.#items.replaceChildren(all === 1 ? "item " : "items ", ...links, more);
  }

  #link(index: number): HTMLElement {
    const title = `Show the frames of item ${count(index)}`;
    const link = el("button", "jpar-link", { type: "button", title }, count(index));
    link.addEventListener(
      "click",
      () => {
        this.#chosen = index;
        this.#open(true);
      },
      { signal: this.#signal },
    );
    return link;
  }

  #open(open: boolean): void {
    this.#detail.hidden = !open;
    this.#toggle.setAttribute("aria-expanded", String(open));
    if (open) this.#show();
  }

  #show(): void {
    const index = this.#group.indices.includes(this.#chosen) ? this.#chosen : this.#first;
    if (index === this.#shown) return;
    this.#shown = index;
    this.#channel.ask({ kind: "failure", index }).then(
      (body) => {
        if (index === this.#shown) this.#draw(body as FailureDetail);
      },
      (error: Error) => setText(this.#detail, error.message),
    );
  }

  #draw(failure: FailureDetail): void {
    const { index, state, item, error, frames, debug } = failure;
    const title = el("div", "jpar-error-title", {}, el("b", "", {}, `item ${count(index)}`));
    for (const [name, text] of item) {
      title.append(el("code", "jpar-error", { title: text }, `${name}=${text}`));
    }
    const text =
      frames || error || `${GLYPHS[state] ?? ""} It is ${state} now: there is nothing to show.`;
    const pre = el("pre", "jpar-frames", { tabindex: 0, "aria-label": `Frames of item ${index}` });
    pre.textContent = text;
    this.#detail.replaceChildren(title, pre, this.#ways(index), ...this.#debugging(debug));
  }

  #ways(index: number): HTMLElement {
    const again = el("button", "jpar-button", { type: "button" }, `Retry item ${count(index)}`);
    const row = el("button", "jpar-button", { type: "button" }, "Show its row");
    again.addEventListener("click", () => this.#again("item", index), { signal: this.#signal });
    row.addEventListener("click", () => this.#links.show(index), { signal: this.#signal });
    return el("div", "jpar-bar", {}, again, row);
  }

  #debugging(line: string): HTMLElement[] {
    if (!line) return [];
    const code = el("code", "jpar-debug", { tabindex: 0 }, line);
    const copy = copyButton("Copy", () => line, this.#signal);
    return [
      el("div", "jpar-bar", {}, el("span", "jpar-muted", {}, "Debug in a cell:"), code, copy),
    ];
  }
}
