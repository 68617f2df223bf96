/** Rows as text for spreadsheets: CSV to download, TSV to paste. */

import type { Row } from "./protocol.ts";

const NUMBER = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;
/** What makes a spreadsheet take a cell for a formula, also behind blanks and in full width. */
const FORMULA = /^\s*[=+\-@\t\r＝＋－＠]/;

/** A cell no spreadsheet runs: what looks like a formula becomes text; a number stays a number. */
export function harmless(text: string): string {
  return FORMULA.test(text) && !NUMBER.test(text) ? `'${text}` : text;
}

function quoted(text: string): string {
  const cell = harmless(text);
  return /[",\r\n;\t]|^\s|\s$/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell;
}

export function csvLine(cells: string[]): string {
  return `${cells.map(quoted).join(",")}\r\n`;
}

export function tsvLine(cells: string[]): string {
  return `${cells.map((cell) => harmless(cell.replace(/[\t\r\n]+/g, " "))).join("\t")}\n`;
}

/** Value columns come last: rows written before a new one appeared are short, and still right. */
export function headOf(items: string[], values: string[]): string[] {
  return ["index", "state", "seconds", "error", ...items, ...values];
}

export function cellsOf(row: Row): string[] {
  const seconds = row.seconds === null ? "" : String(row.seconds);
  return [String(row.index), row.state, seconds, row.error, ...row.item, ...row.value];
}
