/** The two lines on top: what it is and how it stands. */

import { count, el, GLYPHS, setAttribute, setText } from "./dom.ts";
import type { Snapshot } from "./protocol.ts";

export class Header {
  readonly element = el("div", "jpar-header");
  readonly #glyph = el("span", "jpar-glyph", { "aria-hidden": "true" });
  readonly #name = el("span", "jpar-name");
  readonly #status = el("span", "jpar-status");
  readonly #backend = el("span", "jpar-muted jpar-backend");
  readonly #counts = el("span", "jpar-counts");
  readonly #pace = el("span", "jpar-muted jpar-pace");
  readonly #progress = el("span", "jpar-sr", {
    role: "progressbar",
    "aria-valuemin": 0,
    "aria-label": "Progress",
  });

  constructor(actions: HTMLElement) {
    const title = el("div", "jpar-title", {}, this.#glyph, this.#name, this.#status, this.#backend);
    const state = el("div", "jpar-line", {}, this.#counts, this.#pace, this.#progress);
    this.element.append(el("div", "jpar-line", {}, title, actions), state);
  }

  update(snapshot: Snapshot): void {
    setText(this.#glyph, GLYPHS[snapshot.status] ?? "");
    setText(this.#name, snapshot.name);
    setAttribute(this.#name, "title", snapshot.name);
    setText(this.#status, snapshot.status);
    setText(this.#backend, snapshot.backend);
    this.#drawCounts(snapshot);
    setText(this.#pace, pace(snapshot));
    this.#drawProgress(snapshot);
  }

  #drawCounts(snapshot: Snapshot): void {
    // One element for each state, kept in place: a number that changes must not move its neighbours.
    const known = new Map([...this.#counts.children].map((child) => [child.className, child]));
    const parts = snapshot.counts.map(([state, number]) => {
      const className = `jpar-count jpar-${state}`;
      const part = known.get(className) ?? el("span", className, {}, el("b"), ` ${state}`);
      setText(part.firstChild!, count(number));
      return part;
    });
    const same = parts.length === known.size && parts.every((part) => part.isConnected);
    if (!same) this.#counts.replaceChildren(...parts);
  }

  #drawProgress(snapshot: Snapshot): void {
    const { complete, total } = snapshot;
    setAttribute(
      this.#progress,
      "aria-valuetext",
      `${snapshot.status}, ${complete} of ${total ?? "?"} items`,
    );
    if (total === null) return;
    setAttribute(this.#progress, "aria-valuemax", String(total));
    setAttribute(this.#progress, "aria-valuenow", String(complete));
  }
}

function pace(snapshot: Snapshot): string {
  return [snapshot.rate, snapshot.elapsed, snapshot.remaining].filter(Boolean).join(" · ");
}
