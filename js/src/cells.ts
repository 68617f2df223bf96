/** The bytes of a state strip, what they mean, and the pixels they become. Pure functions. */

import type { Rgba } from "./palette.ts";
import { STATES, type ItemState } from "./protocol.ts";

/** The value of a cell's upper five bits when all its items have ended. */
export const FULL = 31;
const HEADER_BYTES = 8;

export interface Cells {
  items: number;
  /** Items per cell. */
  size: number;
  codes: Uint8Array;
}

export function decode(data: DataView): Cells {
  if (data.byteLength < HEADER_BYTES) return { items: 0, size: 1, codes: new Uint8Array() };
  const codes = new Uint8Array(
    data.buffer,
    data.byteOffset + HEADER_BYTES,
    data.byteLength - HEADER_BYTES,
  );
  return { items: data.getUint32(0, true), size: data.getUint32(4, true), codes };
}

export function stateOf(code: number): ItemState {
  return STATES[code & 7] ?? "pending";
}

/** Items of a cell, as a half-open range. */
export function rangeOf(cells: Cells, cell: number): [start: number, stop: number] {
  return [cell * cells.size, Math.min((cell + 1) * cells.size, cells.items)];
}

const PENDING = 0;
const RUNNING = 1;
const SUCCESS = 2;
const FAILURE = 3;
/** What a pixel shows that several cells share: one failure must not drown among successes. */
const RANK = [0, 4, 1, 5, 3, 2];

/**
 * One line of RGBA pixels, `width` of them. Cells of some width get a gap of one pixel between them,
 * and failures are drawn at least `least` pixels wide.
 */
export function paint(
  cells: Cells,
  width: number,
  colors: readonly Rgba[],
  { gap = 1, least = 3 } = {},
): Uint8ClampedArray<ArrayBuffer> {
  const pixels = new Uint8ClampedArray(4 * width);
  const number = cells.codes.length;
  if (number === 0 || width === 0) return pixels;
  const gaps = width / number >= 6 * gap;
  for (let x = 0; x < width; x++) {
    const first = Math.floor((x * number) / width);
    const last = Math.max(first + 1, Math.floor(((x + 1) * number) / width));
    const edge = gaps && Math.floor(((x + gap) * number) / width) !== first && first < number - 1;
    if (!edge) put(pixels, x, colorOf(cells.codes, first, last, colors));
  }
  widen(pixels, cells, width, colors[FAILURE]!, least);
  return pixels;
}

function colorOf(codes: Uint8Array, first: number, last: number, colors: readonly Rgba[]): Rgba {
  let state = PENDING;
  let ended = 0;
  for (let cell = first; cell < last; cell++) {
    const code = codes[cell]!;
    if (RANK[code & 7]! > RANK[state]!) state = code & 7;
    ended += code >> 3;
  }
  if (state !== SUCCESS) return colors[state]!;
  return mix(colors[PENDING]!, colors[SUCCESS]!, ended / (FULL * (last - first)));
}

/** Partly done is a paler success, never so pale that it looks untouched. */
function mix(from: Rgba, to: Rgba, part: number): Rgba {
  const weight = 0.25 + 0.75 * part;
  return from.map((value, i) => value + (to[i]! - value) * weight) as unknown as Rgba;
}

function widen(
  pixels: Uint8ClampedArray,
  cells: Cells,
  width: number,
  color: Rgba,
  least: number,
): void {
  const number = cells.codes.length;
  if (width / number >= least) return;
  for (let cell = 0; cell < number; cell++) {
    if ((cells.codes[cell]! & 7) !== FAILURE) continue;
    const middle = Math.floor(((cell + 0.5) * width) / number);
    const start = Math.min(Math.max(middle - (least >> 1), 0), Math.max(width - least, 0));
    for (let x = start; x < Math.min(start + least, width); x++) put(pixels, x, color);
  }
}

function put(pixels: Uint8ClampedArray, x: number, color: Rgba): void {
  pixels.set(color, 4 * x);
}

/** True while a cell still holds running items. */
export function isRunning(code: number): boolean {
  return (code & 7) === RUNNING;
}
