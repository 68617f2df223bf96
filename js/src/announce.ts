/** What a screen reader says by itself: start, first failure, each quarter, end. Nothing else. */

import type { Snapshot } from "./protocol.ts";
import { count, el, setText } from "./dom.ts";

export class Announcer {
  readonly element = el("div", "jpar-sr", { role: "status", "aria-live": "polite" });
  #quarter = -1;
  #failed = false;
  #ended = false;

  /** Say something people have just done. */
  say(text: string): void {
    setText(this.element, text);
  }

  update(snapshot: Snapshot): void {
    const words = this.#news(snapshot);
    if (words) setText(this.element, `${snapshot.name}: ${words}`);
  }

  #news(snapshot: Snapshot): string {
    const first = this.#quarter < 0;
    const quarter = quarterOf(snapshot);
    const advanced = quarter > this.#quarter;
    this.#quarter = Math.max(this.#quarter, quarter, 0);
    if (this.#ended && !snapshot.ended) {
      this.#ended = this.#failed = false;
      this.#quarter = quarter;
      return `goes on, ${spoken(snapshot)}`;
    }
    if (snapshot.ended) {
      const news = this.#ended ? "" : `${snapshot.status}, ${spoken(snapshot)}`;
      this.#ended = true;
      return news;
    }
    if (snapshot.failure && !this.#failed) {
      this.#failed = true;
      return `item ${count(snapshot.failure.index)} failed, ${snapshot.failure.error}`;
    }
    if (first) return `${snapshot.status}, ${spoken(snapshot)}`;
    return advanced ? `${25 * quarter} %` : "";
  }
}

function quarterOf(snapshot: Snapshot): number {
  return snapshot.total ? Math.floor((4 * snapshot.complete) / snapshot.total) : 0;
}

function spoken(snapshot: Snapshot): string {
  return snapshot.counts.map(([state, number]) => `${count(number)} ${state}`).join(", ");
}
