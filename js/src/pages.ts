/** Rows by pages: what the view shows is asked for, what it showed lately is kept. */

import { Refused } from "./channel.ts";
import type { Page, Row } from "./protocol.ts";
import type { RowSource } from "./row_source.ts";

export const PAGE = 100;
const KEPT = 40;
const AT_ONCE = 2;

export type Fetch = (start: number, stop: number) => Promise<Page>;

interface Kept {
  rows: Row[];
  /** The finished prefix these rows belong to: a short page grows only when it moves on. */
  asOf: number;
}

export class Pages implements RowSource {
  readonly #fetch: Fetch;
  readonly #changed: () => void;
  /** Pages by number, the most recently used last. */
  readonly #pages = new Map<number, Kept>();
  readonly #asking = new Set<number>();
  #wanted: [number, number] = [0, 0];
  #round = 0;
  /** Rows there are: the finished prefix. */
  prefix = 0;
  items: string[] = [];
  values: string[] = [];
  /** Why the kernel gives no more rows; empty while it does. */
  refused = "";

  constructor(fetch: Fetch, changed: () => void) {
    this.#fetch = fetch;
    this.#changed = changed;
  }

  /** Take how far the run is; in another round items run again, and nothing kept holds. */
  setPrefix(prefix: number, round = 0): void {
    if (prefix < this.prefix || round !== this.#round) this.#pages.clear();
    this.#round = round;
    if (prefix !== this.prefix) this.refused = "";
    this.prefix = prefix;
    this.#ask();
  }

  get length(): number {
    return this.prefix;
  }

  /** Rows for another use than the screen: kept ones, and the others fetched for this time only. */
  async read(start: number, stop: number): Promise<Row[]> {
    const rows: Row[] = [];
    for (let at = start; at < Math.min(stop, this.prefix);) {
      const end = Math.min(stop, at - (at % PAGE) + PAGE, this.prefix);
      const kept = Array.from({ length: end - at }, (_, i) => this.row(at + i));
      const page = kept.includes(undefined) ? (await this.#fetch(at, end)).rows : (kept as Row[]);
      rows.push(...page);
      at = end;
    }
    return rows;
  }

  row(index: number): Row | undefined {
    return this.#pages.get(Math.floor(index / PAGE))?.rows[index % PAGE];
  }

  /** Say which rows are on the screen. */
  want(start: number, stop: number): void {
    this.#wanted = [start, stop];
    this.#ask();
  }

  #ask(): void {
    const [start, stop] = this.#wanted;
    const end = Math.min(stop, this.prefix);
    for (let page = Math.floor(start / PAGE); page * PAGE < end; page++) {
      const kept = this.#pages.get(page);
      if (kept) this.#keep(page, kept);
      const full = Math.min(PAGE, this.prefix - page * PAGE);
      const old = !kept || (kept.rows.length < full && kept.asOf < this.prefix);
      // A fast scroll passes thousands of pages: only where it is by then matters.
      if (old && !this.refused && this.#asking.size < AT_ONCE && !this.#asking.has(page)) {
        void this.#load(page);
      }
    }
  }

  async #load(number: number): Promise<void> {
    const before = this.prefix;
    const round = this.#round;
    this.#asking.add(number);
    try {
      const page = await this.#fetch(number * PAGE, (number + 1) * PAGE);
      this.items = page.items;
      if (page.values.length >= this.values.length) this.values = page.values;
      if (round === this.#round) {
        this.prefix = Math.max(this.prefix, page.prefix);
        this.#keep(number, { rows: page.rows, asOf: Math.max(before, page.prefix) });
      }
    } catch (error) {
      this.refused = error instanceof Refused ? error.message : String(error);
    }
    this.#asking.delete(number);
    this.#changed();
    this.#ask();
  }

  #keep(number: number, kept: Kept): void {
    this.#pages.delete(number);
    this.#pages.set(number, kept);
    const oldest = this.#pages.keys().next();
    if (this.#pages.size > KEPT && !oldest.done) this.#pages.delete(oldest.value);
  }
}
