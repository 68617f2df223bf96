/** Failures by type and place: how many, which, where; the frames of one; another try. */

import type { Channel } from "./channel.ts";
import { ErrorGroupView } from "./error_group.ts";
import { count, el, setText } from "./dom.ts";
import { Polite } from "./polite.ts";
import type { ErrorGroup, ErrorGroups, Scope, Snapshot } from "./protocol.ts";

export interface ErrorsLinks {
  /** Bring an item into view in the results. */
  show(item: number): void;
  problem(text: string): void;
}

export class ErrorsView {
  readonly element = el("div", "jpar-errors", { role: "region", "aria-label": "Errors" });
  readonly #summary = el("span", "jpar-muted");
  readonly #retry = el("button", "jpar-button", { type: "button" }, "Retry all failed");
  readonly #list = el("ul", "jpar-error-groups");
  readonly #views = new Map<string, ErrorGroupView>();
  readonly #channel: Channel;
  readonly #links: ErrorsLinks;
  readonly #polite: Polite;
  readonly #signal: AbortSignal;
  #state = "";
  #round = 0;

  constructor(channel: Channel, links: ErrorsLinks, signal: AbortSignal) {
    this.#channel = channel;
    this.#links = links;
    this.#signal = signal;
    this.#polite = new Polite(() => this.#load(), signal);
    this.element.append(el("div", "jpar-bar", {}, this.#summary, this.#retry), this.#list);
    this.#retry.addEventListener("click", () => this.#again("failed", 0), { signal });
  }

  update(snapshot: Snapshot): void {
    const failed = snapshot.counts.find(([state]) => state === "failure")?.[1] ?? 0;
    this.#state = `${failed} ${snapshot.round}`;
    if (snapshot.round !== this.#round) for (const view of this.#views.values()) view.forget();
    this.#round = snapshot.round;
    this.opened();
  }

  /** The panel is in sight: bring it up to date. */
  opened(): void {
    if (!this.element.hidden) this.#polite.want(this.#state);
  }

  async #load(): Promise<void> {
    try {
      this.#draw((await this.#channel.ask({ kind: "errors" })) as ErrorGroups);
    } catch (error) {
      setText(this.#summary, (error as Error).message);
    }
  }

  #draw({ total, failed, groups }: ErrorGroups): void {
    setText(this.#summary, summary(total, failed, groups.length));
    this.#retry.hidden = failed === 0;
    const views = groups.map((group) => this.#viewOf(group));
    const keys = new Set(groups.map(keyOf));
    for (const key of this.#views.keys()) if (!keys.has(key)) this.#views.delete(key);
    // Moved only when the order changed: what has the focus must not lose it.
    views.forEach((view, i) => {
      const there = this.#list.children[i];
      if (there !== view.element) this.#list.insertBefore(view.element, there ?? null);
    });
    while (this.#list.children.length > views.length) this.#list.lastElementChild!.remove();
  }

  #viewOf(group: ErrorGroup): ErrorGroupView {
    const key = keyOf(group);
    const view =
      this.#views.get(key) ??
      new ErrorGroupView(
        this.#channel,
        this.#links,
        (scope, index) => this.#again(scope, index),
        this.#signal,
      );
    this.#views.set(key, view);
    view.update(group);
    return view;
  }

  #again(scope: Scope, index: number): void {
    this.#channel
      .ask({ kind: "retry", scope, index })
      .catch((error: Error) => this.#links.problem(error.message));
  }
}

function keyOf({ type, where }: ErrorGroup): string {
  return JSON.stringify([type, where]);
}

function summary(total: number, failed: number, shown: number): string {
  if (failed === 0) return "No item has failed.";
  const items = `${count(failed)} ${failed === 1 ? "item" : "items"} failed`;
  const kinds = total === 1 ? "" : `, in ${count(total)} ways`;
  return `${items}${kinds}${shown < total ? `; the ${shown} most frequent:` : ""}`;
}
