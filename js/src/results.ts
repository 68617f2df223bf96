/** The results: the table, which of its rows to see, and ways to take them along. */

import type { Channel } from "./channel.ts";
import { copyButton } from "./clipboard.ts";
import { cellsOf, headOf, tsvLine } from "./csv.ts";
import { count, el, setText } from "./dom.ts";
import { csvParts, fileName, save, type Part } from "./download.ts";
import { Found } from "./found.ts";
import { PAGE, Pages } from "./pages.ts";
import type { FoundPage, Page, Snapshot } from "./protocol.ts";
import type { RowSource } from "./row_source.ts";
import { TableView, type Range } from "./table.ts";

const TYPING_MS = 250;
/** Rows that are copied in one go at most: each hundred is a question to the kernel. */
const COPIED = 10_000;
const DOWNLOAD = "Download CSV";
const CUT =
  "All rows shown here; long texts are cut as in the table, run.to_pandas() has the values";

export class ResultsView {
  readonly element = el("div", "jpar-results");
  readonly #failed = el("input", "", { type: "checkbox" });
  readonly #search = el("input", "jpar-search", {
    type: "search",
    placeholder: "Search rows",
    "aria-label": "Search rows",
    maxlength: 200,
    spellcheck: "false",
  });
  readonly #chosen = el("span", "jpar-muted");
  readonly #download = el("button", "jpar-button", { type: "button", title: CUT }, DOWNLOAD);
  readonly #channel: Channel;
  readonly #snapshot: () => Snapshot;
  readonly #signal: AbortSignal;
  readonly #say: (text: string) => void;
  readonly #pages: Pages;
  readonly #table: TableView;
  #found: Found | null = null;
  #round = 0;
  #range: Range | null = null;
  #typing: ReturnType<typeof setTimeout> | undefined;
  #downloading: AbortController | null = null;

  /** `say` is for screen readers; `chose` hears of an item whose row was chosen. */
  constructor(
    channel: Channel,
    snapshot: () => Snapshot,
    signal: AbortSignal,
    say: (text: string) => void = () => {},
    chose: (item: number) => void = () => {},
  ) {
    this.#channel = channel;
    this.#snapshot = snapshot;
    this.#signal = signal;
    this.#say = say;
    this.#pages = new Pages(
      async (start, stop) => (await channel.ask({ kind: "rows", start, stop })) as Page,
      () => this.#table.update(snapshot()),
    );
    this.#table = new TableView(this.#pages, signal, (range) => {
      this.#select(range);
      const row = range && this.#rows.row(range[1]);
      if (row) chose(row.index);
    });
    const copy = copyButton("Copy rows", () => this.#copied(), signal);
    copy.title = "The chosen rows, or those on the screen, to paste into a spreadsheet";
    const label = el("label", "jpar-check", {}, this.#failed, "failed only");
    this.element.append(
      el("div", "jpar-bar", {}, label, this.#search, copy, this.#download, this.#chosen),
      this.#table.element,
    );
    this.#listen();
  }

  update(snapshot: Snapshot): void {
    this.#pages.setPrefix(snapshot.prefix, snapshot.round);
    // Items run again: what was found may have changed.
    if (this.#found && snapshot.round !== this.#round) this.#filter();
    this.#round = snapshot.round;
    this.#found?.setPrefix(snapshot.prefix);
    this.#table.update(snapshot);
  }

  /** Bring an item into view, among all rows. */
  show(item: number): void {
    if (this.#found) {
      this.#failed.checked = false;
      this.#search.value = "";
      this.#filter();
    }
    this.#table.show(item);
  }

  get #rows(): RowSource {
    return this.#found ?? this.#pages;
  }

  #listen(): void {
    const signal = this.#signal;
    this.#failed.addEventListener("change", () => this.#filter(), { signal });
    this.#search.addEventListener(
      "input",
      () => {
        clearTimeout(this.#typing);
        this.#typing = setTimeout(() => this.#filter(), TYPING_MS);
      },
      { signal },
    );
    this.#download.addEventListener("click", () => void this.#save(), { signal });
    signal.addEventListener("abort", () => {
      clearTimeout(this.#typing);
      this.#found?.close();
      this.#downloading?.abort();
    });
  }

  #find(start: number): Promise<unknown> {
    const [text, failed] = [this.#search.value, this.#failed.checked];
    return this.#channel.ask({ kind: "find", text, failed, start });
  }

  /** Show the rows that match, or all when nothing is asked for. */
  #filter(): void {
    clearTimeout(this.#typing);
    this.#found?.close();
    this.#found = null;
    if (this.#failed.checked || this.#search.value) {
      this.#found = new Found(
        async (start) => (await this.#find(start)) as FoundPage,
        this.#snapshot().prefix,
        () => this.#table.update(this.#snapshot()),
      );
    }
    this.#table.setRows(this.#rows);
    this.#table.update(this.#snapshot());
  }

  #select(range: Range | null): void {
    this.#range = range;
    const rows = range ? Math.abs(range[1] - range[0]) + 1 : 0;
    const text = rows ? `${count(rows)} ${rows === 1 ? "row" : "rows"} chosen` : "";
    setText(this.#chosen, text);
    if (text) this.#say(text);
  }

  async #copied(): Promise<string> {
    const [from, to] = this.#range ?? [this.#table.visible[0], this.#table.visible[1] - 1];
    const start = Math.min(from, to);
    const stop = Math.min(Math.max(from, to) + 1, start + COPIED);
    const rows = await this.#rows.read(start, stop);
    const head = headOf(this.#rows.items, this.#rows.values);
    return [head, ...rows.map(cellsOf)].map(tsvLine).join("");
  }

  async #save(): Promise<void> {
    if (this.#downloading) {
      this.#downloading.abort();
      this.#downloading = null;
      setText(this.#download, DOWNLOAD);
      return;
    }
    const controller = new AbortController();
    this.#downloading = controller;
    const matching = this.#found !== null;
    const [text, failed] = [this.#search.value, this.#failed.checked];
    const read = (start: number): Promise<Part> =>
      matching ? this.#readFound(start, text, failed) : this.#readPage(start);
    try {
      const parts = await csvParts(read, (done, end) => this.#told(done, end), controller.signal);
      if (parts.length) save(fileName(this.#snapshot().name), parts);
    } catch (error) {
      setText(this.#chosen, (error as Error).message);
    }
    if (this.#downloading !== controller) return;
    this.#downloading = null;
    setText(this.#download, DOWNLOAD);
  }

  #told(done: number, end: number): void {
    if (done < end) setText(this.#download, `Stop (${Math.floor((100 * done) / end)} %)`);
  }

  async #readPage(start: number): Promise<Part> {
    const stop = start + 2 * PAGE;
    const page = (await this.#channel.ask({ kind: "rows", start, stop })) as Page;
    return { ...page, next: start + page.rows.length, end: page.prefix };
  }

  async #readFound(start: number, text: string, failed: boolean): Promise<Part> {
    const page = (await this.#channel.ask({ kind: "find", text, failed, start })) as FoundPage;
    return { ...page, end: page.prefix };
  }
}
