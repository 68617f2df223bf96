/**
 * What kernel and browser say to each other; `notebook/messages.py` is the other side.
 * The fixtures in `tests/fixtures/messages` hold both to this.
 */

export const STATES = ["pending", "running", "success", "failure", "cancelled", "skipped"] as const;
/** State of an item; its place in the list is its code in the strip. */
export type ItemState = (typeof STATES)[number];

export type RunStatus =
  "pending" | "running" | "paused" | "finished" | "failed" | "cancelled" | "interrupted";

export type Command = "pause" | "resume" | "cancel" | "detach";

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

export type Policy = "all" | "pending";

/** A request without its id, which the channel adds. */
export type Ask =
  | { kind: "pause" }
  | { kind: "resume" }
  | { kind: "cancel"; policy: Policy }
  | { kind: "detach" }
  | { kind: "rows"; start: number; stop: number }
  | { kind: "span"; start: number; stop: number };

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
