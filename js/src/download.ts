/** All rows as a CSV file, asked for page by page and put together in the browser. */

import { cellsOf, csvLine, headOf } from "./csv.ts";
import { el } from "./dom.ts";
import type { Row } from "./protocol.ts";

/** One page of rows, and where the next one begins; it is the last when that is `end`. */
export interface Part {
  rows: Row[];
  items: string[];
  values: string[];
  next: number;
  end: number;
}

/** Return the file in parts; `progress` hears how far it is. An aborted one is empty. */
export async function csvParts(
  read: (start: number) => Promise<Part>,
  progress: (done: number, end: number) => void,
  signal: AbortSignal,
): Promise<string[]> {
  const parts = [""];
  let values: string[] = [];
  let at = 0;
  for (;;) {
    const part = await read(at);
    if (signal.aborted) return [];
    parts.push(part.rows.map((row) => csvLine(cellsOf(row))).join(""));
    if (part.values.length > values.length) values = part.values;
    progress(part.next, part.end);
    if (part.next >= part.end || part.next <= at) {
      parts[0] = csvLine(headOf(part.items, values));
      return parts;
    }
    at = part.next;
  }
}

/** Let the browser save a file. */
export function save(name: string, parts: string[]): void {
  const url = URL.createObjectURL(new Blob(parts, { type: "text/csv;charset=utf-8" }));
  const link = el("a", "", { href: url, download: name });
  document.body.append(link);
  link.click();
  link.remove();
  setTimeout(() => URL.revokeObjectURL(url), 2000);
}

/** A file name out of the name of a run, which may be anything. */
export function fileName(name: string): string {
  const slug = name.replace(/[^\p{L}\p{N}]+/gu, "-").replace(/^-+|-+$/g, "");
  return `${slug.slice(0, 60) || "results"}.csv`;
}
