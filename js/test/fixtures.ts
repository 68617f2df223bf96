/** The messages both sides agree on; the Python tests read the same files. */

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { Page, Printed, Snapshot } from "../src/protocol.ts";

const folder = join(process.cwd(), "..", "tests", "fixtures", "messages");

export interface Message {
  about: string;
  to: "kernel" | "browser";
  valid?: boolean;
  content: Record<string, unknown>;
}

export interface State {
  snapshot: Snapshot;
  strip: DataView;
  printed: Printed;
  page: Page;
}

function read(name: string): unknown {
  return JSON.parse(readFileSync(join(folder, name), "utf8"));
}

export const messages = new Map(
  readdirSync(folder)
    .filter((name) => !name.startsWith("state_"))
    .map((name) => [name.replace(".json", ""), read(name) as Message]),
);

export function state(name: "running" | "finished"): State {
  const raw = read(`state_${name}.json`) as Omit<State, "strip"> & { strip: string };
  return { ...raw, strip: new DataView(Uint8Array.from(Buffer.from(raw.strip, "hex")).buffer) };
}

/** A strip as the kernel packs it. */
export function strip(codes: number[], size = 1, items = codes.length * size): DataView {
  const bytes = new Uint8Array(8 + codes.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, items, true);
  view.setUint32(4, size, true);
  bytes.set(codes, 8);
  return view;
}
