/** The plot: how long items took, or a value against the item or a loop target. */

import type { Channel } from "./channel.ts";
import { el, setAttribute, setText } from "./dom.ts";
import { placeTip, Surface, type Ink, type Size } from "./plot_canvas.ts";
import {
  CHOICES,
  histogramOf,
  marksAt,
  scatterOf,
  sentence,
  tableRows,
  type Chart,
} from "./plot_charts.ts";
import { Poll } from "./plot_poll.ts";
import type { Point, PointsBody, Snapshot } from "./protocol.ts";

/** An answer has up to 90 kB. */
const PAUSE_MS = 4000;
const MOST_POINTS = 2000;
const HEIGHT_PX = 220;
const AXIS = { left: 64, right: 12, top: 8, bottom: 24 };
const TICK_PX = 80;

export class PlotView {
  readonly element = el("div", "jpar-chart jpar-plot");
  readonly #what = el("select", "jpar-select", { "aria-label": "Show" });
  readonly #across = el("select", "jpar-select", { "aria-label": "Against" });
  readonly #log = el("input", "", { type: "checkbox" });
  readonly #acrossLabel = el("label", "", {}, "against ", this.#across);
  readonly #logLabel = el("label", "", {}, this.#log, " logarithmic");
  readonly #plot = el("div", "jpar-chart-plot", { role: "group", tabindex: 0 });
  readonly #tip = el("div", "jpar-tip", { hidden: true, role: "status" });
  readonly #foot = el("div", "jpar-foot");
  readonly #table = el("table");
  readonly #channel: Channel;
  readonly #surface: Surface;
  readonly #poll: Poll;
  #known = 0;
  #results = "";
  /** What was asked for, so that an answer to an older question is not drawn. */
  #question = 0;
  #next = 0;
  #step = 1;
  #coming: Point[] = [];
  #points: Point[] = [];
  #body: PointsBody | null = null;
  #columns: string[] = [];
  #targets: [number, string][] = [];
  #chosen = false;
  #chart: Chart | null = null;
  #mark = -1;

  constructor(channel: Channel, signal: AbortSignal) {
    this.#channel = channel;
    this.#surface = new Surface(signal, (context, size, ink) => this.#paint(context, size, ink));
    this.#surface.setHeight(HEIGHT_PX);
    this.#plot.append(this.#surface.canvas, this.#tip);
    const show = el("label", "", {}, "Show ", this.#what);
    const head = el("div", "jpar-chart-head", {}, show, this.#acrossLabel, this.#logLabel);
    this.element.append(head, this.#plot, this.#foot, el("div", "jpar-sr", {}, this.#table));
    this.#drawChoices();
    this.#poll = new Poll(this.element, signal, (until) => this.#ask(until), PAUSE_MS);
    this.#listen(signal);
  }

  /** The panel is no longer hidden. */
  opened(): void {
    this.#poll.opened();
  }

  /** The run changed. */
  update(snapshot: Snapshot): void {
    const results = `${snapshot.round} ${snapshot.complete} ${snapshot.known}`;
    if (results === this.#results) return;
    this.#results = results;
    this.#known = snapshot.known;
    this.#poll.changed();
  }

  // Asking -----------------------------------------------------------------------------------

  async #ask(signal: AbortSignal): Promise<boolean> {
    const question = this.#question;
    if (this.#next === 0) this.#step = Math.max(1, Math.ceil(this.#known / MOST_POINTS));
    const column = this.#what.value.startsWith("=") ? this.#what.value.slice(1) : "";
    try {
      const body = (await this.#channel.ask(
        {
          kind: "points",
          start: this.#next,
          stop: this.#known,
          step: this.#step,
          x: Number(this.#across.value || 0),
          y: column,
        },
        signal,
      )) as PointsBody;
      return question === this.#question ? this.#take(body) : true;
    } catch (error) {
      setText(this.#foot, (error as Error).message);
      return false;
    }
  }

  #take(body: PointsBody): boolean {
    if (this.#next === 0) this.#coming = [];
    for (const point of body.points) this.#coming.push(point);
    this.#body = body;
    this.#next = body.next ?? 0;
    this.#columns = union(this.#columns, body.columns);
    const names = this.#targets.map(([, name]) => name);
    this.#targets = [...this.#targets, ...body.targets.filter(([, name]) => !names.includes(name))];
    this.#drawChoices();
    if (!this.#chosen && this.#columns.length > 0) {
      this.#chosen = true;
      this.#what.value = `=${body.y}`;
    }
    if (body.next === null || this.#points.length === 0) {
      this.#points = this.#coming.slice(0, MOST_POINTS);
      this.#drawChart();
    }
    return body.next !== null;
  }

  // Controls ---------------------------------------------------------------------------------

  #drawChoices(): void {
    const columns = this.#columns.map((name): [string, string] => [`=${name}`, name]);
    setOptions(this.#what, [...CHOICES, ...columns]);
    const targets = this.#targets.map(([x, name]): [string, string] => [String(x), name]);
    setOptions(this.#across, [["0", "item"], ...targets]);
  }

  #listen(signal: AbortSignal): void {
    const again = (): void => {
      this.#chosen = true;
      this.#question++;
      this.#next = 0;
      this.#points = [];
      this.#poll.hurry();
    };
    this.#what.addEventListener("change", again, { signal });
    this.#across.addEventListener("change", again, { signal });
    this.#log.addEventListener("change", () => this.#drawChart(), { signal });
    const plot = this.#plot;
    plot.addEventListener("pointermove", (event) => this.#hover(event), { signal });
    plot.addEventListener("pointerleave", () => this.#leave(), { signal });
    plot.addEventListener("blur", () => this.#leave(), { signal });
    plot.addEventListener("keydown", (event) => this.#key(event), { signal });
    plot.addEventListener(
      "focus",
      () => {
        if (plot.matches(":focus-visible")) this.#point(0);
      },
      { signal },
    );
  }

  // Drawing ----------------------------------------------------------------------------------

  #drawChart(): void {
    const what = this.#what.value;
    const histogram = what === "times";
    this.#acrossLabel.hidden = histogram;
    this.#logLabel.hidden = what.startsWith("=");
    const log = this.#log.checked && !this.#logLabel.hidden;
    const target = this.#targets.find(([x]) => String(x) === this.#across.value);
    const across = target ? target[1] : "item";
    const names = { y: what.startsWith("=") ? what.slice(1) : "", x: across };
    this.#chart = histogram ? histogramOf(this.#points, log) : scatterOf(this.#points, names, log);
    setText(this.#foot, sentence(this.#chart, this.#body, this.#points.length, this.#step));
    setAttribute(this.#plot, "aria-label", `${this.#chart.title}; arrows walk through it`);
    this.#plot.hidden = this.#chart.marks.length === 0;
    this.#table.replaceChildren(...tableRows(this.#chart));
    this.#mark = -1;
    this.#tip.hidden = true;
    this.#surface.schedule();
  }

  /** From parts of the drawing area, from the lower left, to pixels. */
  #at(x: number, y: number, { width, height }: Size): [number, number] {
    const [across, up] = [width - AXIS.left - AXIS.right, height - AXIS.top - AXIS.bottom];
    return [AXIS.left + x * across, AXIS.top + (1 - y) * up];
  }

  #paint(context: CanvasRenderingContext2D, size: Size, ink: Ink): void {
    const chart = this.#chart;
    if (!chart || chart.marks.length === 0) return;
    context.font = ink.font;
    this.#paintAxes(context, size, ink, chart);
    context.fillStyle = ink.data;
    // Many points would be one blot: each lets the others shine through.
    context.globalAlpha = chart.bars ? 1 : chart.marks.length > 300 ? 0.45 : 0.75;
    chart.marks.forEach((mark, i) => {
      const [left, top] = this.#at(mark.left, mark.y, size);
      if (chart.bars) {
        const [right, bottom] = this.#at(mark.right, 0, size);
        if (mark.y > 0) {
          const tall = Math.max(bottom - top, 1);
          context.fillRect(left, bottom - tall, Math.max(right - left - 1, 1), tall);
        }
      } else {
        context.beginPath();
        context.arc(left, top, chart.marks.length > 300 ? 2 : 3, 0, 2 * Math.PI);
        context.fill();
      }
      if (i === this.#mark) this.#paintMark(context, size, ink, left, top);
    });
    context.globalAlpha = 1;
  }

  #paintMark(
    context: CanvasRenderingContext2D,
    size: Size,
    ink: Ink,
    left: number,
    top: number,
  ): void {
    const mark = this.#chart!.marks[this.#mark]!;
    context.save();
    context.globalAlpha = 1;
    context.strokeStyle = ink.text;
    context.lineWidth = 1.5;
    context.beginPath();
    if (this.#chart!.bars) {
      const [right, bottom] = this.#at(mark.right, 0, size);
      context.rect(left - 0.5, Math.min(top, bottom - 2), right - left, Math.max(bottom - top, 2));
    } else context.arc(left, top, 5, 0, 2 * Math.PI);
    context.stroke();
    context.restore();
  }

  #paintAxes(context: CanvasRenderingContext2D, size: Size, ink: Ink, chart: Chart): void {
    const [left, bottom] = this.#at(0, 0, size);
    const [right] = this.#at(1, 1, size);
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const { place, text } of chart.up) {
      const [, y] = this.#at(0, place, size);
      context.fillStyle = ink.rule;
      context.fillRect(left, Math.round(y), right - left, 1);
      context.fillStyle = ink.muted;
      context.fillText(text, left - 8, y, AXIS.left - 10);
    }
    context.textAlign = "center";
    const room = Math.max(2, Math.floor((right - left) / TICK_PX));
    const ticks = chart.across(room);
    for (const { place, text } of ticks) {
      const [x] = this.#at(place, 0, size);
      context.fillStyle = ink.muted;
      context.fillRect(Math.round(x), bottom, 1, 4);
      const half = context.measureText(text).width / 2;
      context.fillText(text, Math.min(Math.max(x, half), size.width - half - 1), bottom + 14);
    }
    context.fillStyle = ink.muted;
    context.fillRect(left, bottom, right - left, 1);
  }

  // Pointing ---------------------------------------------------------------------------------

  #hover(event: PointerEvent): void {
    const box = this.#surface.canvas.getBoundingClientRect();
    const across = box.width - AXIS.left - AXIS.right;
    const up = HEIGHT_PX - AXIS.top - AXIS.bottom;
    if (!this.#chart || across <= 0) return;
    const x = (event.clientX - box.left - AXIS.left) / across;
    const y = 1 - (event.clientY - box.top - AXIS.top) / up;
    const found = marksAt(this.#chart, x, y, across / up);
    if (found < 0) this.#leave();
    else this.#point(found);
  }

  #key(event: KeyboardEvent): void {
    const last = (this.#chart?.marks.length ?? 0) - 1;
    const page = Math.max(Math.round(last / 20), 1);
    const targets: Record<string, number> = {
      ArrowRight: this.#mark + 1,
      ArrowLeft: this.#mark - 1,
      PageDown: this.#mark + page,
      PageUp: this.#mark - page,
      Home: 0,
      End: last,
    };
    const target = targets[event.key];
    if (target === undefined || last < 0 || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    this.#point(Math.max(0, Math.min(target, last)));
  }

  #point(number: number): void {
    const mark = this.#chart?.marks[number];
    if (!mark || !this.#chart) return;
    this.#mark = number;
    setText(this.#tip, mark.text());
    this.#tip.hidden = false;
    const size = { width: this.#surface.width, height: HEIGHT_PX };
    const [x, y] = this.#at((mark.left + mark.right) / 2, mark.y, size);
    // Above the mark where there is room, or it would hide what is below it.
    placeTip(this.#tip, x, y > 40 ? y - 34 : y + 10, size.width);
    this.#surface.schedule();
  }

  #leave(): void {
    if (this.#mark < 0 && this.#tip.hidden) return;
    this.#mark = -1;
    this.#tip.hidden = true;
    this.#surface.schedule();
  }
}

function union(known: string[], names: string[]): string[] {
  return [...known, ...names.filter((name) => !known.includes(name))];
}

/** Bring the options of a choice up to date; what is chosen stays. */
function setOptions(select: HTMLSelectElement, options: [value: string, text: string][]): void {
  const shown = [...select.options].map(({ value }) => value);
  for (const [value, text] of options) {
    if (!shown.includes(value)) select.append(el("option", "", { value }, text));
  }
}
