/** What each worker did, as stretches of time in order. Pure functions over what the kernel sends. */

import { count } from "./dom.ts";
import { duration } from "./plot_scale.ts";
import type { Bar, TimelineBody } from "./protocol.ts";

export interface Stretch {
  kind: "chunk" | "running" | "idle" | "part";
  begin: number;
  end: number;
  /** Items of a chunk, or the item that runs. */
  start: number;
  stop: number;
  /** Part of the time that the worker was busy. */
  busy: number;
}

export interface Lane {
  name: string;
  /** Part of the whole run. */
  busy: number;
  chunks: number;
  stretches: Stretch[];
}

/** Gaps below this part of the run are not worth a word. */
const SHORT = 1 / 500;

const collator = new Intl.Collator("en", { numeric: true });

export function lanesOf(body: TimelineBody, bars: readonly Bar[]): Lane[] {
  const { elapsed } = body;
  const lanes = body.lanes.map(([name, busy, chunks], number): Lane => {
    const stretches = body.column > 0 ? parts(body, number) : chunksOf(bars, number);
    const running = body.running.find(([lane]) => lane === number);
    const more = running ? Math.max(elapsed - running[2], 0) : 0;
    if (running) run(stretches, running[1], running[2], elapsed);
    return {
      name,
      busy: elapsed > 0 ? Math.min((busy + more) / elapsed, 1) : 0,
      chunks,
      stretches: body.column > 0 ? stretches : withGaps(stretches, elapsed),
    };
  });
  return lanes.sort((a, b) => collator.compare(a.name, b.name));
}

function chunksOf(bars: readonly Bar[], number: number): Stretch[] {
  return bars
    .filter(([lane]) => lane === number)
    .map(([, start, stop, begin, end]) => ({ kind: "chunk", begin, end, start, stop, busy: 1 }));
}

function parts({ column, elapsed, grid }: TimelineBody, number: number): Stretch[] {
  const bytes = atob(grid[number] ?? "");
  return Array.from({ length: bytes.length }, (_, i) => ({
    kind: "part",
    begin: i * column,
    end: Math.min((i + 1) * column, elapsed),
    start: 0,
    stop: 0,
    busy: bytes.charCodeAt(i) / 255,
  }));
}

function run(stretches: Stretch[], item: number, begin: number, end: number): void {
  while (stretches.length > 0 && stretches.at(-1)!.begin >= begin) stretches.pop();
  const last = stretches.at(-1);
  if (last && last.end > begin) last.end = begin;
  stretches.push({ kind: "running", begin, end, start: item, stop: item + 1, busy: 1 });
}

function withGaps(stretches: readonly Stretch[], elapsed: number): Stretch[] {
  const all: Stretch[] = [];
  let until = 0;
  const idle = (end: number): void => {
    if (end - until > elapsed * SHORT)
      all.push({ kind: "idle", begin: until, end, start: 0, stop: 0, busy: 0 });
  };
  for (const stretch of stretches) {
    idle(stretch.begin);
    all.push(stretch);
    until = Math.max(until, stretch.end);
  }
  idle(elapsed);
  return all;
}

/** Number of the stretch at a time, or of the one nearest to it; -1 when there is none. */
export function stretchAt({ stretches }: Lane, time: number): number {
  let low = 0;
  let high = stretches.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (stretches[middle]!.begin <= time) low = middle;
    else high = middle - 1;
  }
  return high < 0 ? -1 : low;
}

export function describe({ name }: Lane, stretch: Stretch): string {
  const long = duration(stretch.end - stretch.begin);
  const length = stretch.end - stretch.begin;
  const begin = stretch.begin === 0 ? "the start" : moment(stretch.begin, length);
  const when = `from ${begin} to ${moment(stretch.end, length)}`;
  switch (stretch.kind) {
    case "chunk":
      return `${name}: ${items(stretch)} · ${long}, ${when}`;
    case "running":
      return `${name}: item ${count(stretch.start)} running · its chunk for ${long}`;
    case "idle":
      return `${name}: idle · ${long}, ${when}`;
    case "part":
      return `${name}: ${percent(stretch.busy)} busy · ${when}`;
  }
}

/** A time, fine enough to tell the ends of a stretch apart. */
function moment(seconds: number, length: number): string {
  if (seconds >= 60 && length >= 1) return duration(seconds);
  const digits = Math.ceil(-Math.log10(Math.max(length, 1e-6))) + 1;
  return `${seconds.toFixed(Math.max(0, Math.min(digits, 6)))} s`;
}

function items({ start, stop }: Stretch): string {
  if (stop - start === 1) return `item ${count(start)}`;
  return `items ${count(start)}–${count(stop - 1)} (${count(stop - start)})`;
}

export function percent(part: number): string {
  return `${Math.round(100 * part)} %`;
}

/** The whole in a sentence or two. */
export function summary(body: TimelineBody, lanes: readonly Lane[]): string {
  if (lanes.length === 0) return "No chunk has been done yet.";
  const workers = Math.max(body.workers, 1);
  const busy = lanes.reduce((sum, lane) => sum + lane.busy, 0) / workers;
  const who = workers === 1 ? "1 worker" : `${count(workers)} workers`;
  const chunks = body.chunks === 1 ? "1 chunk" : `${count(body.chunks)} chunks`;
  const reading = body.more ? " · reading on…" : "";
  // What workers beyond the last lane did is not known: a percentage would be too low.
  const others = body.others > 0 ? ` · ${count(body.others)} more workers are not drawn` : "";
  const use = body.others > 0 ? "" : `${percent(Math.min(busy, 1))} busy · `;
  return `${use}${who} · ${duration(body.elapsed)} · ${chunks}${others}${reading}`;
}
