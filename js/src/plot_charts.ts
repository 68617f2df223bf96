/** A histogram or a cloud of points, as marks and ticks between 0 and 1. Pure, but for the table. */

import { count, el } from "./dom.ts";
import {
  binsOf,
  duration,
  placeOn,
  plain,
  quantile,
  scaleOf,
  timeTick,
  type Scale,
} from "./plot_scale.ts";
import type { Point, PointsBody } from "./protocol.ts";

/** What can be shown of any run; numeric columns of the values follow. */
export const CHOICES: [value: string, text: string][] = [
  ["times", "how long items took"],
  ["time", "time of each item"],
];

export interface Tick {
  place: number;
  text: string;
}

export interface Mark {
  left: number;
  right: number;
  y: number;
  text(): string;
}

export interface Chart {
  title: string;
  /** Bars from the axis up, or points. */
  bars: boolean;
  marks: Mark[];
  up: Tick[];
  /** Ticks along the lower edge, as many as there is room for. */
  across(room: number): Tick[];
  /** What the numbers tell. */
  told: string;
  /** Cells of the table for those who cannot see the chart. */
  table: string[][];
}

type Write = (value: number) => string;

const UP_TICKS = 5;

export function histogramOf(points: readonly Point[], log: boolean): Chart {
  const times = points.flatMap(([, , , seconds]) => (seconds === null ? [] : [seconds]));
  const scale = scaleOf(times, log, 8);
  const number = Math.min(40, Math.max(8, Math.ceil(2 * Math.sqrt(times.length))));
  const bins = times.length > 0 ? binsOf(times, scale, number) : [];
  const most = Math.max(...bins.map((bin) => bin.number), 1);
  const up = scaleOf([0, most], false, UP_TICKS);
  const span = (low: number, high: number): string => `${duration(low)} – ${duration(high)}`;
  return {
    title: "Histogram of how long items took",
    bars: true,
    marks: bins.map((bin, i) => ({
      left: i / number,
      right: (i + 1) / number,
      y: bin.number / most,
      text: () => `${span(bin.low, bin.high)}: ${items(bin.number)}`,
    })),
    up: ticksOf(up, (value) => (Number.isInteger(value) ? count(value) : "")),
    across: (room) => ticksOf(scaleOf(times, log, room), timeWrite(scale)),
    told: told("time", times, duration),
    table: [["time", "items"], ...bins.map((bin) => [span(bin.low, bin.high), count(bin.number)])],
  };
}

/** Values of `names.y`, or times where that is empty, against `names.x`. */
export function scatterOf(
  points: readonly Point[],
  names: { x: string; y: string },
  log: boolean,
): Chart {
  const write: Write = names.y ? plain : duration;
  const y = names.y || "time";
  const drawn = points.flatMap(([index, x, value, seconds]) => {
    const up = names.y ? value : seconds;
    return x === null || up === null ? [] : [{ index, x, up }];
  });
  drawn.sort((a, b) => a.x - b.x || a.index - b.index);
  const heights = drawn.map(({ up }) => up);
  const places = drawn.map(({ x }) => x);
  const [over, along] = [scaleOf(heights, log, UP_TICKS), scaleOf(places, false, 8)];
  const where = (point: { index: number; x: number }): string =>
    names.x === "item"
      ? `item ${count(point.index)}`
      : `item ${count(point.index)}, ${names.x} ${plain(point.x)}`;
  return {
    title: `${y} against ${names.x}`,
    bars: false,
    marks: drawn.map((point) => ({
      left: placeOn(along, point.x),
      right: placeOn(along, point.x),
      y: placeOn(over, point.up),
      text: () => `${where(point)}: ${y} ${write(point.up)}`,
    })),
    up: ticksOf(over, names.y ? plain : timeWrite(over)),
    across: (room) => ticksOf(scaleOf(places, false, room), plain),
    told: told(y, heights, write),
    table: [],
  };
}

/** One unit on an axis, but for a logarithmic one. */
function timeWrite({ high, log }: Scale): Write {
  return (value) => timeTick(value, log ? value : high);
}

function ticksOf(scale: Scale, write: Write): Tick[] {
  return scale.ticks.map((value) => ({ place: placeOn(scale, value), text: write(value) }));
}

function told(name: string, values: number[], write: Write): string {
  if (values.length === 0) return "";
  const sorted = Float64Array.from(values).sort();
  const at = (part: number): string => write(quantile(sorted as unknown as number[], part));
  const middle = `median ${at(0.5)}`;
  return `${name} ${at(0)} to ${at(1)}, ${middle}, 95 % up to ${at(0.95)}`;
}

function items(number: number): string {
  return number === 1 ? "1 item" : `${count(number)} items`;
}

/** What is drawn, in words; or why there is nothing to draw. */
export function sentence(
  chart: Chart,
  body: PointsBody | null,
  points: number,
  step: number,
): string {
  const parts: string[] = [];
  if (points === 0) return "No item has ended yet: there is nothing to draw.";
  if (chart.told) parts.push(chart.told);
  else parts.push(`None of the ${items(points)} looked at has a number here`);
  if (step > 1 && body)
    parts.push(`${count(points)} of ${items(body.known)} drawn, spread over the whole run`);
  if (body && body.columns.length === 0 && body.values > 0)
    parts.push(`values are no numbers, so only times can be drawn (${body.example})`);
  return parts.join(" · ");
}

/** Number of the mark at a place, -1 for none; `aspect` is width by height. */
export function marksAt(chart: Chart, x: number, y: number, aspect: number): number {
  if (chart.bars)
    return chart.marks.findIndex((mark) => x >= mark.left && x < mark.right && y <= 1.02);
  let best = -1;
  let least = 0.12 ** 2;
  chart.marks.forEach((mark, i) => {
    const distance = ((mark.left - x) * aspect) ** 2 + (mark.y - y) ** 2;
    if (distance < least) [best, least] = [i, distance];
  });
  return best;
}

export function tableRows(chart: Chart): HTMLElement[] {
  if (chart.table.length === 0) return [];
  const rows = chart.table.map((cells, i) =>
    el("tr", "", {}, ...cells.map((cell) => el(i === 0 ? "th" : "td", "", {}, cell))),
  );
  return [el("caption", "", {}, chart.title), ...rows];
}
