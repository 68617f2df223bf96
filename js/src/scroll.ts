/**
 * Where rows are while a scroll bar moves. Browsers stop at some 17 million pixels of height, so a
 * table of a million rows has a shorter bar: then the first row shown is the truth and the bar
 * follows it, and a turn of the wheel is still worth the same number of rows.
 */

export const ROW_PX = 22;
export const TALLEST_PX = 6_000_000;

export interface Extent {
  rows: number;
  /** Height of the window over the rows, in pixels. */
  height: number;
}

/** Height of all rows, as far as a browser can take it. */
export function bodyHeight(rows: number): number {
  return Math.min(rows * ROW_PX, TALLEST_PX);
}

/** True when the bar is shorter than the rows. */
export function isScaled(rows: number): boolean {
  return rows * ROW_PX > TALLEST_PX;
}

/** The last first row there can be; a fraction of a row counts. */
export function lastFirst({ rows, height }: Extent): number {
  return Math.max(0, rows - height / ROW_PX);
}

/** The first row shown when the bar stands at `top`. Inverse of `topOf`. */
export function firstAt(top: number, extent: Extent): number {
  if (!isScaled(extent.rows)) return Math.max(0, top / ROW_PX);
  const range = bodyHeight(extent.rows) - extent.height;
  return Math.max(0, Math.min(1, top / range)) * lastFirst(extent);
}

/** Where the bar stands when `first` is the first row shown. Inverse of `firstAt`. */
export function topOf(first: number, extent: Extent): number {
  if (!isScaled(extent.rows)) return first * ROW_PX;
  const range = bodyHeight(extent.rows) - extent.height;
  return (first / lastFirst(extent)) * range;
}
