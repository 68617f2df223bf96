/** Column widths that only grow: a table must not jump while it fills or scrolls. */

import type { Row } from "./protocol.ts";

/** In characters. */
const WIDEST = { item: 28, value: 40 };
const NARROWEST = 6;

export class Columns {
  items: string[] = [];
  values: string[] = [];
  #widths: number[] = [];
  #index = 3;

  /** Take the names; true when the header must be drawn again. */
  name(items: string[], values: string[]): boolean {
    if (same(items, this.items) && same(values, this.values)) return false;
    this.items = items;
    this.values = values;
    const names = [...items, ...values];
    this.#widths = names.map((name, i) =>
      Math.max(this.#widths[i] ?? NARROWEST, this.#cap(i, name)),
    );
    return true;
  }

  /** Make room for a row; true when a column grew. */
  fit(row: Row): boolean {
    const before = this.#widths.join();
    const texts = row.error ? row.item : [...row.item, ...row.value];
    texts.forEach((text, i) => {
      this.#widths[i] = Math.max(this.#widths[i] ?? NARROWEST, this.#cap(i, text));
    });
    return before !== this.#widths.join();
  }

  fitIndex(last: number): void {
    this.#index = Math.max(this.#index, String(last).length);
  }

  #cap(column: number, text: string): number {
    const widest = column < this.items.length ? WIDEST.item : WIDEST.value;
    return Math.min([...text].length + 1, widest);
  }

  /** As `grid-template-columns`; the last value takes the room that is left. */
  get template(): string {
    const last = this.#widths.length - 1;
    const tracks = this.#widths.map((width, i) =>
      i === last ? `minmax(${Math.max(width, 12)}ch, 1fr)` : `${width}ch`,
    );
    return [`${this.#index + 1}ch`, ...tracks, "9ch", "11ch"].join(" ");
  }

  /** Cells of a row, from the item columns on, before time and state. */
  get count(): number {
    return this.items.length + this.values.length;
  }
}

function same(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
