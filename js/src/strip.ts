/** The state strip: every item in its order, in one line; hover tells, click jumps, arrows walk. */

import { decode, paint, rangeOf, stateOf, type Cells } from "./cells.ts";
import type { Channel } from "./channel.ts";
import { count, el, GLYPHS, setAttribute, setText } from "./dom.ts";
import { onThemeChange, palette } from "./palette.ts";
import type { Span } from "./protocol.ts";

/** Hovering asks the kernel for exact counts only when the pointer rests. */
const REST_MS = 80;

export class StripView {
  readonly element = el("div", "jpar-strip");
  readonly #canvas = el("canvas", "jpar-strip-canvas", { height: 1, "aria-hidden": "true" });
  readonly #mark = el("div", "jpar-strip-mark", { hidden: true });
  readonly #cursor = el("div", "jpar-strip-cursor", { hidden: true });
  readonly #tip = el("div", "jpar-tip", { hidden: true, "aria-hidden": "true" });
  readonly #channel: Channel;
  readonly #jump: (item: number) => void;
  #cells: Cells = { items: 0, size: 1, codes: new Uint8Array() };
  #prefix = 0;
  #cell = -1;
  #asking: AbortController | null = null;
  #rest: ReturnType<typeof setTimeout> | undefined;

  constructor(channel: Channel, jump: (item: number) => void, signal: AbortSignal) {
    this.#channel = channel;
    this.#jump = jump;
    const slider = el("div", "jpar-strip-line", {
      role: "slider",
      tabindex: 0,
      "aria-label": "Items by state",
      "aria-valuemin": 0,
      "aria-valuenow": 0,
    });
    slider.append(this.#canvas, this.#cursor);
    this.element.append(slider, this.#mark, this.#tip);
    this.#listen(slider, signal);
    const observer = new ResizeObserver(() => this.#draw());
    observer.observe(this.element);
    onThemeChange(signal, () => this.#draw());
    signal.addEventListener("abort", () => {
      observer.disconnect();
      this.#leave();
    });
  }

  setCells(data: DataView): void {
    this.#cells = decode(data);
    setAttribute(this.#line, "aria-valuemax", String(Math.max(this.#cells.codes.length - 1, 0)));
    this.element.hidden = this.#cells.items === 0;
    this.#draw();
    if (this.#cell >= 0) this.#tell();
  }

  /** Mark the end of the finished prefix: the rows of the table reach up to here. */
  setPrefix(prefix: number, ended: boolean): void {
    this.#prefix = prefix;
    this.#mark.hidden = ended || prefix === 0 || prefix >= this.#cells.items;
    this.#placeMark();
  }

  get #line(): HTMLElement {
    return this.#canvas.parentElement!;
  }

  #listen(line: HTMLElement, signal: AbortSignal): void {
    const at = (event: PointerEvent | MouseEvent): number => {
      const box = line.getBoundingClientRect();
      const part = box.width ? (event.clientX - box.left) / box.width : 0;
      return this.#clamp(Math.floor(part * this.#cells.codes.length));
    };
    line.addEventListener("pointermove", (event) => this.#enter(at(event)), { signal });
    line.addEventListener("pointerleave", () => this.#leave(), { signal });
    line.addEventListener("blur", () => this.#leave(), { signal });
    line.addEventListener("click", (event) => this.#go(at(event)), { signal });
    line.addEventListener("keydown", (event) => this.#key(event), { signal });
    line.addEventListener(
      "focus",
      () => {
        if (line.matches(":focus-visible")) this.#enter(Math.max(this.#cell, 0));
      },
      { signal },
    );
  }

  #key(event: KeyboardEvent): void {
    const last = this.#cells.codes.length - 1;
    const page = Math.max(Math.round(last / 20), 1);
    const steps: Record<string, number> = {
      ArrowRight: this.#cell + 1,
      ArrowUp: this.#cell + 1,
      ArrowLeft: this.#cell - 1,
      ArrowDown: this.#cell - 1,
      PageUp: this.#cell + page,
      PageDown: this.#cell - page,
      Home: 0,
      End: last,
    };
    const target = steps[event.key];
    if (event.key === "Enter" || event.key === " ") this.#go(Math.max(this.#cell, 0));
    else if (target !== undefined) this.#enter(this.#clamp(target));
    else return;
    event.preventDefault();
  }

  #clamp(cell: number): number {
    return Math.max(0, Math.min(cell, this.#cells.codes.length - 1));
  }

  #go(cell: number): void {
    if (this.#cells.items > 0) this.#jump(rangeOf(this.#cells, this.#clamp(cell))[0]);
  }

  #enter(cell: number): void {
    if (this.#cells.items === 0) return;
    const moved = cell !== this.#cell;
    this.#cell = cell;
    if (moved) this.#ask();
    this.#tell();
  }

  #leave(): void {
    this.#cell = -1;
    this.#asking?.abort();
    clearTimeout(this.#rest);
    this.#tip.hidden = this.#cursor.hidden = true;
  }

  /** Exact counts of a cell of several items come from the kernel. */
  #ask(): void {
    this.#asking?.abort();
    clearTimeout(this.#rest);
    if (this.#cells.size === 1) return;
    const [start, stop] = rangeOf(this.#cells, this.#cell);
    const asking = new AbortController();
    this.#asking = asking;
    this.#rest = setTimeout(() => {
      this.#channel.ask({ kind: "span", start, stop }, asking.signal).then(
        (body) => {
          if (!asking.signal.aborted) this.#tell(body as Span);
        },
        () => {},
      );
    }, REST_MS);
  }

  #tell(span?: Span): void {
    const code = this.#cells.codes[this.#cell] ?? 0;
    const [start, stop] = rangeOf(this.#cells, this.#cell);
    const where =
      stop - start > 1 ? `items ${count(start)}–${count(stop - 1)}` : `item ${count(start)}`;
    const what = span
      ? span.counts.map(([state, number]) => `${count(number)} ${state}`).join(" · ")
      : stateOf(code);
    const text = `${where}: ${span || stop - start > 1 ? what : `${GLYPHS[what]} ${what}`}`;
    setText(this.#tip, text);
    setAttribute(this.#line, "aria-valuenow", String(this.#cell));
    setAttribute(this.#line, "aria-valuetext", text);
    this.#tip.hidden = this.#cursor.hidden = false;
    this.#place();
  }

  #place(): void {
    const number = this.#cells.codes.length || 1;
    this.#cursor.style.left = `${(100 * this.#cell) / number}%`;
    this.#cursor.style.width = `max(3px, ${100 / number}%)`;
    const width = this.element.clientWidth;
    const middle = ((this.#cell + 0.5) / number) * width;
    const half = this.#tip.offsetWidth / 2;
    this.#tip.style.left = `${Math.max(0, Math.min(middle - half, width - 2 * half))}px`;
  }

  #placeMark(): void {
    const { items } = this.#cells;
    if (items > 0) this.#mark.style.left = `${(100 * this.#prefix) / items}%`;
  }

  #draw(): void {
    const ratio = window.devicePixelRatio || 1;
    const width = Math.round(this.#line.clientWidth * ratio);
    const context = width > 0 ? this.#canvas.getContext("2d") : null;
    if (!context) return;
    if (this.#canvas.width !== width) this.#canvas.width = width;
    const gap = Math.max(1, Math.round(ratio));
    const pixels = paint(this.#cells, width, palette(this.element), { gap, least: 3 * gap });
    context.putImageData(new ImageData(pixels, width, 1), 0, 0);
    this.#placeMark();
  }
}
