/**
 * What kernel and browser say to each other; `notebook/messages.py` is the other side.
 * The fixtures in `tests/fixtures/messages` hold both to this.
 */

export const STATES = ["pending", "running", "success", "failure", "cancelled", "skipped"] as const;
/** State of an item; its place in the list is its code in the strip. */
export type ItemState = (typeof STATES)[number];

export type RunStatus =
  "pending" | "running" | "paused" | "finished" | "failed" | "cancelled" | "interrupted";

export type Command = "pause" | "resume" | "cancel" | "detach" | "continue" | "retry";

export interface FirstFailure {
  index: number;
  item: string;
  error: string;
  where: string;
}

/** The state of a run, whole: any view draws from the latest one alone. */
export interface Snapshot {
  id: number;
  name: string;
  status: RunStatus;
  ended: boolean;
  backend: string;
  /** States that occur; then how many values came from a checkpoint, and how many are in it. */
  counts: [ItemState | "restored" | "saved", number][];
  complete: number;
  total: number | null;
  known: number;
  /** Items before this one have all ended: they are the rows of the table. */
  prefix: number;
  rate: string;
  elapsed: string;
  remaining: string;
  /** What the table waits for, when later items are done already. */
  gap: string;
  failure: FirstFailure | null;
  note: string;
  can: Command[];
  /** How often items were told to run again: rows read before may not hold. */
  round: number;
}

export interface PrintedLine {
  n: number;
  index: number;
  stream: string;
  text: string;
}

export interface Printed {
  total: number;
  lines: PrintedLine[];
}

export interface Row {
  index: number;
  state: ItemState;
  item: string[];
  value: string[];
  error: string;
  time: string;
  /** The value came from a checkpoint. */
  restored: boolean;
  seconds: number | null;
}

/** Rows that match; the next answer goes on at item `next`. */
export interface FoundPage extends Omit<Page, "start"> {
  next: number;
}

/** Rows from `start`; as many as asked for, or as many as belong to the finished prefix. */
export interface Page {
  start: number;
  prefix: number;
  /** Names of the item columns and of the value columns; the latter only grow. */
  items: string[];
  values: string[];
  rows: Row[];
}

export interface Span {
  start: number;
  stop: number;
  counts: [ItemState, number][];
}

/** Which worker was busy when. Times are seconds since the start of the run. */
export interface TimelineBody {
  elapsed: number;
  workers: number;
  /** Chunks read so far; with `more` there are others that the next request brings. */
  chunks: number;
  more: boolean;
  /** Workers that have no lane. */
  others: number;
  lanes: [name: string, busy: number, chunks: number][];
  /** What runs now, since its chunk was sent. */
  running: [lane: number, item: number, begin: number][];
  /** Number of the first bar. */
  first: number;
  bars: Bar[];
  /** Width of a column in seconds; 0 while there are bars. */
  column: number;
  /** One text a lane: in base64 one byte a column, 255 for busy all the time. */
  grid: string[];
}

/** A chunk of items `start` to `stop` on a worker. */
export type Bar = [lane: number, start: number, stop: number, begin: number, end: number];

/** Index of an item, where it stands, its value, and the seconds it took. */
export type Point = [index: number, x: number | null, y: number | null, seconds: number | null];

export interface PointsBody {
  /** Where the next request goes on; null when all was looked at. */
  next: number | null;
  known: number;
  /** Columns of values that hold numbers, and loop targets that are numbers. */
  columns: string[];
  targets: [x: number, name: string][];
  /** The column that was drawn, or an empty text. */
  y: string;
  /** Values that were looked at, and one that is no number. */
  values: number;
  example: string;
  points: Point[];
}

/** Failures of one type at one place. */
export interface ErrorGroup {
  type: string;
  message: string;
  where: string;
  count: number;
  /** The first of its items. */
  indices: number[];
}

export interface ErrorGroups {
  total: number;
  failed: number;
  groups: ErrorGroup[];
}

export interface FailureDetail {
  index: number;
  state: ItemState;
  item: [string, string][];
  error: string;
  frames: string;
  /** What to type to run the item again in the kernel. */
  debug: string;
}

/** The last lines an item printed; `dropped` characters are missing before and between them. */
export interface ItemLog {
  index: number;
  state: ItemState;
  dropped: number;
  lines: { stream: string; text: string }[];
}

export type Scope = "all" | "failed" | "group" | "item";

export type Policy = "all" | "pending";

/** A request without its id, which the channel adds. */
export type Ask =
  | { kind: "pause" }
  | { kind: "resume" }
  | { kind: "cancel"; policy: Policy }
  | { kind: "detach" }
  | { kind: "rows"; start: number; stop: number }
  | { kind: "span"; start: number; stop: number }
  | { kind: "find"; text: string; failed: boolean; start: number }
  | { kind: "log"; index: number }
  | { kind: "errors" }
  | { kind: "failure"; index: number }
  | { kind: "retry"; scope: Scope; index: number }
  | { kind: "timeline"; start: number }
  | { kind: "points"; start: number; stop: number; step: number; x: number; y: string };

export type Request = Ask & { mid: string };

export type Reply =
  | { kind: "reply"; mid: string; ok: true; body: unknown }
  | { kind: "reply"; mid: string; ok: false; error: string };

/** Read a message from the kernel; anything that is not a reply is nothing to us. */
export function asReply(content: unknown): Reply | null {
  if (typeof content !== "object" || content === null) return null;
  const message = content as Record<string, unknown>;
  if (message.kind !== "reply" || typeof message.mid !== "string") return null;
  if (message.ok === true) {
    return { kind: "reply", mid: message.mid, ok: true, body: message.body };
  }
  return { kind: "reply", mid: message.mid, ok: false, error: String(message.error ?? "") };
}

/** The traits of the widget, by name. */
export interface Traits {
  snapshot: Snapshot;
  strip: DataView;
  printed: Printed;
  key: string;
  reach: boolean;
}
