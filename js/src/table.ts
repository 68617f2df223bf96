/**
 * The results table: the finished prefix, in order, drawn from pages; only visible rows exist.
 *
 * Our own small list and not a table library: rows of one height need little more than the
 * arithmetic in `scroll.ts`, a row stays an accessible `role=row`, and nothing has to be re-themed.
 */

import { Columns } from "./columns.ts";
import { count, el, GLYPHS, setAttribute, setText } from "./dom.ts";
import type { Row, Snapshot } from "./protocol.ts";
import type { RowSource } from "./row_source.ts";
import { bodyHeight, firstAt, isScaled, lastFirst, ROW_PX, topOf, type Extent } from "./scroll.ts";

const SHOWN_ROWS = 6;
/** Rows drawn beyond the window, so that a slow frame shows no hole. */
const SPARE = 4;
/** Between columns; the style sheet knows the same. */
const GAP_PX = 16;

/** Two positions in the rows. */
export type Range = [number, number];

export class TableView {
  readonly element = el("div", "jpar-rows");
  readonly #scroller = el("div", "jpar-table", {
    role: "table",
    tabindex: 0,
    "aria-label": "Results",
  });
  readonly #head = el("div", "jpar-row jpar-head", { role: "row", "aria-rowindex": 1 });
  readonly #space = el("div", "jpar-space", { role: "rowgroup" });
  readonly #body = el("div", "jpar-body", { role: "presentation" });
  readonly #foot = el("div", "jpar-foot");
  readonly #columns = new Columns();
  #pages: RowSource;
  readonly #selected: (range: Range | null) => void;
  /** Positions of the rows people chose, the second one where they chose last. */
  #range: Range | null = null;
  #first = 0;
  #frame = 0;
  #total = 0;
  #marked = -1;
  #following = false;

  /** `selected` hears which positions are chosen. */
  constructor(
    pages: RowSource,
    signal: AbortSignal,
    selected: (range: Range | null) => void = () => {},
  ) {
    this.#pages = pages;
    this.#selected = selected;
    this.#space.append(this.#body);
    this.#scroller.append(this.#head, this.#space);
    this.element.append(this.#scroller, this.#foot);
    this.#listen(signal);
  }

  /** Take the state of the run; rows come by themselves. */
  update(snapshot: Snapshot): void {
    this.#total = snapshot.total ?? snapshot.known;
    const rows = snapshot.total === null ? SHOWN_ROWS : Math.min(this.#total, SHOWN_ROWS);
    // Room for the rows to come is there from the start: nothing below may jump while it fills.
    this.#scroller.style.setProperty("--jpar-rows", String(Math.max(rows, 1)));
    this.#columns.fitIndex(this.#total);
    setText(this.#foot, this.#pages.refused || this.#pages.told?.() || footText(snapshot));
    this.schedule();
  }

  /** Show other rows: a search, or all again. */
  setRows(rows: RowSource): void {
    this.#pages = rows;
    this.#marked = -1;
    this.#select(null);
    this.#moveTo(0);
  }

  /** Positions of the rows on the screen, the second one behind the last. */
  get visible(): Range {
    const stop = Math.floor(this.#first + this.#extent.height / ROW_PX);
    return [Math.ceil(this.#first), Math.min(Math.max(stop, 1), this.#pages.length)];
  }

  /** Bring an item into view; one behind the first gap brings the last row there is. */
  show(item: number): void {
    this.#following = false;
    this.#marked = Math.min(item, this.#pages.length - 1);
    this.#moveTo(this.#marked - 2);
  }

  schedule(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.draw();
    });
  }

  get #extent(): Extent {
    const height = this.#scroller.clientHeight - this.#head.offsetHeight;
    return { rows: this.#pages.length, height: Math.max(height, ROW_PX) };
  }

  #listen(signal: AbortSignal): void {
    const scroller = this.#scroller;
    scroller.addEventListener("scroll", () => this.#scrolled(), { signal, passive: true });
    scroller.addEventListener("wheel", (event) => this.#wheel(event), { signal, passive: false });
    scroller.addEventListener("keydown", (event) => this.#key(event), { signal });
    this.#body.addEventListener("click", (event) => this.#clicked(event), { signal });
    // Also called when the table comes back into the page or the panel opens: the browser has
    // forgotten by then how far it was scrolled.
    const observer = new ResizeObserver(() => this.#moveTo(this.#first));
    observer.observe(scroller);
    signal.addEventListener("abort", () => {
      observer.disconnect();
      cancelAnimationFrame(this.#frame);
    });
  }

  #scrolled(): void {
    const extent = this.#extent;
    const top = this.#scroller.scrollTop;
    // Our own move comes back as an event, rounded to pixels.
    if (Math.abs(top - topOf(this.#first, extent)) >= 1) this.#first = firstAt(top, extent);
    this.#following = this.#first > 0 && this.#first >= lastFirst(extent) - 0.5;
    this.schedule();
  }

  #wheel(event: WheelEvent): void {
    if (!isScaled(this.#pages.length) || event.ctrlKey || event.deltaY === 0) return;
    const pixels = event.deltaMode === WheelEvent.DOM_DELTA_LINE ? ROW_PX : 1;
    const before = this.#first;
    this.#moveTo(this.#first + (event.deltaY * pixels) / ROW_PX);
    // At either end the wheel is the notebook's again.
    if (this.#first !== before) event.preventDefault();
  }

  #clicked(event: MouseEvent): void {
    // Who marks text in a cell wants the text.
    if (window.getSelection()?.toString()) return;
    const row = (event.target as Element).closest(".jpar-row");
    if (!row) return;
    const position = Number(row.getAttribute("aria-rowindex")) - 2;
    const [from, to] = this.#range ?? [-1, -1];
    if (event.shiftKey && from >= 0) this.#select([from, position]);
    else this.#select(from === position && to === position ? null : [position, position]);
  }

  #select(range: Range | null): void {
    this.#range = range;
    this.#selected(range);
    this.schedule();
  }

  /** Shift and an arrow choose rows, from the first visible one on. */
  #extend(step: number): void {
    const [from, to] = this.#range ?? [this.visible[0], this.visible[0] - step];
    const next = Math.max(0, Math.min(to + step, this.#pages.length - 1));
    const [first, stop] = this.visible;
    if (next < first) this.#moveTo(next);
    if (next >= stop) this.#moveTo(this.#first + next - stop + 1);
    this.#select([from, next]);
  }

  #key(event: KeyboardEvent): void {
    if (event.shiftKey && /^Arrow(Up|Down)$/.test(event.key)) {
      event.preventDefault();
      this.#extend(event.key === "ArrowDown" ? 1 : -1);
      return;
    }
    const page = Math.max(Math.floor(this.#extent.height / ROW_PX) - 1, 1);
    const targets: Record<string, number> = {
      ArrowDown: this.#first + 1,
      ArrowUp: this.#first - 1,
      PageDown: this.#first + page,
      PageUp: this.#first - page,
      Home: 0,
      End: Infinity,
    };
    const target = targets[event.key];
    if (target === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#moveTo(target);
  }

  #moveTo(first: number): void {
    const extent = this.#extent;
    this.#first = Math.max(0, Math.min(first, lastFirst(extent)));
    this.#following = this.#first > 0 && this.#first >= lastFirst(extent) - 0.5;
    this.#scroller.scrollTop = topOf(this.#first, extent);
    this.schedule();
  }

  /** Draw the visible rows. */
  draw(): void {
    const prefix = this.#pages.length;
    this.#space.style.height = `${bodyHeight(prefix)}px`;
    setAttribute(this.#scroller, "aria-rowcount", String(prefix + 1));
    const extent = this.#extent;
    if (this.#following) {
      this.#first = lastFirst(extent);
      this.#scroller.scrollTop = topOf(this.#first, extent);
    }
    const start = Math.max(0, Math.floor(this.#first) - SPARE);
    const stop = Math.min(prefix, Math.ceil(this.#first + extent.height / ROW_PX) + SPARE);
    this.#pages.want(start, stop);
    this.#drawColumns(start, stop);
    this.#drawRows(start, stop);
    const offset = topOf(this.#first, extent) - (this.#first - start) * ROW_PX;
    this.#body.style.transform = `translateY(${offset}px)`;
  }

  #drawColumns(start: number, stop: number): void {
    const { items, values } = this.#pages;
    if (this.#columns.name(items, values)) {
      const names = ["#", ...items, ...values, "time", "state"];
      this.#head.replaceChildren(
        ...names.map((name) =>
          el("span", "jpar-cell", { role: "columnheader", title: name }, name),
        ),
      );
    }
    for (let index = start; index < stop; index++) {
      const row = this.#pages.row(index);
      if (row) this.#columns.fit(row);
    }
    this.#scroller.style.setProperty("--jpar-columns", this.#columns.template);
    this.#scroller.style.setProperty("--jpar-width", this.#columns.minimum(GAP_PX));
  }

  #drawRows(start: number, stop: number): void {
    const rows = this.#body.children;
    while (rows.length > Math.max(stop - start, 0)) this.#body.lastElementChild!.remove();
    while (rows.length < stop - start) this.#body.append(el("div", "jpar-row", { role: "row" }));
    for (let index = start; index < stop; index++) {
      this.#fill(rows[index - start] as HTMLElement, index, this.#pages.row(index));
    }
  }

  #fill(element: HTMLElement, index: number, row: Row | undefined): void {
    setAttribute(element, "aria-rowindex", String(index + 2));
    element.className = `jpar-row jpar-${row?.state ?? "waiting"}`;
    element.classList.toggle("jpar-odd", index % 2 === 1);
    element.classList.toggle("jpar-marked", index === this.#marked);
    const [from, to] = this.#range ?? [-1, -1];
    const chosen = index >= Math.min(from, to) && index <= Math.max(from, to);
    element.classList.toggle("jpar-chosen", chosen);
    const texts = row
      ? this.#texts(row)
      : [count(index), ...Array<string>(this.#columns.count), "", ""];
    while (element.children.length > texts.length) element.lastElementChild!.remove();
    while (element.children.length < texts.length) {
      element.append(el("span", "jpar-cell", { role: "cell" }));
    }
    const span = row?.error ? this.#columns.values.length : 1;
    texts.forEach((text = "", i) => {
      const cell = element.children[i] as HTMLElement;
      setText(cell, text);
      // The whole text on hover: cells are cut.
      if (text.length > 12) setAttribute(cell, "title", text);
      else cell.removeAttribute("title");
      cell.style.gridColumn =
        span > 1 && i === this.#columns.items.length + 1 ? `span ${span}` : "";
    });
  }

  #texts(row: Row): string[] {
    const missing = Math.max(this.#columns.values.length - row.value.length, 0);
    const value = row.error ? [row.error] : [...row.value, ...Array<string>(missing).fill("")];
    return [
      count(row.index),
      ...row.item,
      ...value,
      row.time,
      `${GLYPHS[row.state]} ${row.restored ? "restored" : row.state}`,
    ];
  }
}

function footText({ prefix, total, gap }: Snapshot): string {
  const of = total !== null && prefix < total ? ` of ${count(total)}` : "";
  const rows = `${count(prefix)}${of} ${prefix === 1 && !of ? "row" : "rows"}`;
  return gap ? `${rows} · ${gap}` : rows;
}
