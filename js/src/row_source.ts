/** Rows a table can show, by position: all of them, or those a search has found. */

import type { Row } from "./protocol.ts";

export interface RowSource {
  /** Rows there are so far. */
  readonly length: number;
  readonly items: string[];
  readonly values: string[];
  /** Why the kernel gives no more rows; empty while it does. */
  readonly refused: string;
  row(position: number): Row | undefined;
  /** Say which positions are on the screen. */
  want(start: number, stop: number): void;
  /** Rows for another use than the screen. */
  read(start: number, stop: number): Promise<Row[]>;
  /** A line on where these rows come from; the run's own line stands without one. */
  told?(): string;
}
