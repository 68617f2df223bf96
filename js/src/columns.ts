/** Column widths that only grow: a table must not jump while it fills or scrolls. */

import type { Row } from "./protocol.ts";

/** In characters. */
const WIDEST = { item: 28, value: 40 };
const NARROWEST = 6;
const GIVES_WAY = 14;
const TIME = 9;
const STATE = 11;

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
    [...row.item, ...row.value].forEach((text, i) => this.#widen(i, this.#cap(i, text)));
    if (row.error) this.#fitError(row.error);
    return before !== this.#widths.join();
  }

  /** An error stands across all value columns; the last one gets what the others lack. */
  #fitError(error: string): void {
    const last = this.#widths.length - 1;
    const others = this.#widths
      .slice(this.items.length, last)
      .reduce((sum, width) => sum + width, 0);
    this.#widen(last, this.#cap(last, error) - others);
  }

  #widen(column: number, width: number): void {
    this.#widths[column] = Math.max(this.#widths[column] ?? NARROWEST, width);
  }

  fitIndex(last: number): void {
    this.#index = Math.max(this.#index, String(last).length);
  }

  #cap(column: number, text: string): number {
    return Math.min([...text].length + 1, this.#widest(column));
  }

  #widest(column: number): number {
    return column < this.items.length ? WIDEST.item : WIDEST.value;
  }

  /**
   * As `grid-template-columns`: wide columns give way before the table scrolls sideways, and a last
   * value that was cut takes the room there is.
   */
  get template(): string {
    const last = this.#widths.length - 1;
    const tracks = this.#widths.map((width, i) => {
      const most = i === last && width >= this.#widest(i) ? "1fr" : `${width}ch`;
      return `minmax(${Math.min(width, GIVES_WAY)}ch, ${most})`;
    });
    return [`${this.#index + 1}ch`, ...tracks, `${TIME}ch`, `${STATE}ch`].join(" ");
  }

  /** Width that all columns need at least, as a CSS length; `gap` pixels stand between and around them. */
  minimum(gap: number): string {
    const widths = this.#widths.map((width) => Math.min(width, GIVES_WAY));
    const characters = widths.reduce((sum, width) => sum + width, this.#index + 1 + TIME + STATE);
    return `calc(${characters}ch + ${(widths.length + 3) * gap}px)`;
  }

  /** Cells of a row, from the item columns on, before time and state. */
  get count(): number {
    return this.items.length + this.values.length;
  }
}

function same(a: string[], b: string[]): boolean {
  return a.length === b.length && a.every((name, i) => name === b[i]);
}
