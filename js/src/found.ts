/** The rows that match, found bit by bit: as many as the screen wants, and some ahead. */

import { count } from "./dom.ts";
import type { FoundPage, Row } from "./protocol.ts";
import type { RowSource } from "./row_source.ts";

const AHEAD = 50;
/** Between two questions: the kernel has other things to do than to search. */
export const REST_MS = 50;

export type Find = (start: number) => Promise<FoundPage>;

export class Found implements RowSource {
  readonly #find: Find;
  readonly #changed: () => void;
  readonly #rows: Row[] = [];
  #next = 0;
  #prefix: number;
  #wanted = 1;
  #busy = false;
  #closed = false;
  items: string[] = [];
  values: string[] = [];
  refused = "";

  constructor(find: Find, prefix: number, changed: () => void) {
    this.#find = find;
    this.#prefix = prefix;
    this.#changed = changed;
    void this.#search();
  }

  get length(): number {
    return this.#rows.length;
  }

  row(position: number): Row | undefined {
    return this.#rows[position];
  }

  want(_start: number, stop: number): void {
    this.#wanted = stop + AHEAD;
    void this.#search();
  }

  /** There are more rows to look at. */
  setPrefix(prefix: number): void {
    this.#prefix = prefix;
    void this.#search();
  }

  close(): void {
    this.#closed = true;
  }

  async read(start: number, stop: number): Promise<Row[]> {
    return this.#rows.slice(start, stop);
  }

  told(): string {
    const rows = `${count(this.length)} ${this.length === 1 ? "row matches" : "rows match"}`;
    const all = this.#next >= this.#prefix;
    return all ? rows : `${rows} in the first ${count(this.#next)} of ${count(this.#prefix)}`;
  }

  async #search(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (!this.#closed && !this.refused && this.#lacks) {
      try {
        const page = await this.#find(this.#next);
        this.#take(page);
      } catch (error) {
        this.refused = (error as Error).message;
      }
      if (!this.#closed) this.#changed();
      await new Promise((resolve) => setTimeout(resolve, REST_MS));
    }
    this.#busy = false;
  }

  get #lacks(): boolean {
    return this.#rows.length < this.#wanted && this.#next < this.#prefix;
  }

  #take(page: FoundPage): void {
    this.#rows.push(...page.rows);
    this.items = page.items;
    if (page.values.length >= this.values.length) this.values = page.values;
    this.#next = Math.max(page.next, this.#next);
    this.#prefix = Math.max(page.prefix, this.#prefix);
  }
}
