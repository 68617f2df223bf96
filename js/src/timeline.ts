/** The timeline: a lane for each worker, its chunks as bars, its idle time as gaps. */

import type { Channel } from "./channel.ts";
import { count, el, setText } from "./dom.ts";
import { placeTip, Surface, type Ink, type Size } from "./plot_canvas.ts";
import { Poll } from "./plot_poll.ts";
import { timeTick, timeTicks } from "./plot_scale.ts";
import type { Bar, TimelineBody } from "./protocol.ts";
import { cut, paintStretch } from "./timeline_paint.ts";
import {
  describe,
  lanesOf,
  percent,
  stretchAt,
  summary,
  type Lane,
  type Stretch,
} from "./timeline_lanes.ts";

/** An answer has up to 45 kB. */
const PAUSE_MS = 2000;
const AXIS_PX = 22;
const TOP_PX = 4;
const TEXT_PX = 12;
const PERCENT_PX = 44;
const WIDEST_NAME_PX = 110;

export class TimelineView {
  readonly element = el("div", "jpar-chart jpar-timeline");
  readonly #summary = el("span", "jpar-chart-summary");
  readonly #legend = el("span", "jpar-legend jpar-muted", { "aria-hidden": "true" });
  readonly #plot = el("div", "jpar-chart-plot", {
    role: "group",
    tabindex: 0,
    "aria-label": "Timeline; arrows walk through chunks and workers",
  });
  readonly #tip = el("div", "jpar-tip", { hidden: true, role: "status" });
  readonly #table = el("table");
  readonly #surface: Surface;
  readonly #poll: Poll;
  readonly #channel: Channel;
  #bars: Bar[] = [];
  #body: TimelineBody | null = null;
  #lanes: Lane[] = [];
  /** Where the lanes begin and end, from left to right. */
  #left = 0;
  #right = 0;
  #cursor: { lane: number; stretch: number } | null = null;

  constructor(channel: Channel, signal: AbortSignal) {
    this.#channel = channel;
    this.#surface = new Surface(signal, (context, size, ink) => this.#paint(context, size, ink));
    this.#plot.append(this.#surface.canvas, this.#tip);
    const head = el("div", "jpar-chart-head", {}, this.#summary, this.#legend);
    this.element.append(head, this.#plot, el("div", "jpar-sr", {}, this.#table));
    this.#poll = new Poll(this.element, signal, (until) => this.#ask(until), PAUSE_MS);
    this.#listen(signal);
  }

  /** The panel is no longer hidden. */
  opened(): void {
    this.#poll.opened();
  }

  /** The run changed. */
  update(): void {
    this.#poll.changed();
  }

  async #ask(signal: AbortSignal): Promise<boolean> {
    try {
      const start = this.#bars.length;
      const body = (await this.#channel.ask({ kind: "timeline", start }, signal)) as TimelineBody;
      this.#bars = body.column > 0 ? [] : [...this.#bars.slice(0, body.first), ...body.bars];
      this.#take(body);
      return body.more;
    } catch (error) {
      setText(this.#summary, (error as Error).message);
      return false;
    }
  }

  #take(body: TimelineBody): void {
    this.#body = body;
    this.#lanes = lanesOf(body, this.#bars);
    setText(this.#summary, summary(body, this.#lanes));
    this.#drawLegend(body);
    this.#table.replaceChildren(...tableOf(this.#lanes));
    this.#surface.setHeight(TOP_PX + this.#lanes.length * this.#laneHeight + AXIS_PX);
    this.#plot.hidden = this.#lanes.length === 0;
    if (this.#cursor) this.#point(this.#cursor.lane, this.#cursor.stretch);
    this.#surface.schedule();
  }

  #drawLegend(body: TimelineBody): void {
    const parts: Node[] = [
      el("i", "jpar-swatch jpar-swatch-data"),
      document.createTextNode(body.column > 0 ? "height: part of the time busy" : "chunk done"),
    ];
    if (body.running.length > 0) {
      parts.push(el("i", "jpar-swatch jpar-swatch-running"), document.createTextNode("running"));
    }
    const text = parts.map((part) => part.textContent).join();
    if (this.#legend.dataset.shows === text) return;
    this.#legend.dataset.shows = text;
    this.#legend.replaceChildren(...parts);
  }

  get #laneHeight(): number {
    const number = this.#lanes.length;
    if (number <= 8) return 20;
    if (number <= 16) return 15;
    return number <= 32 ? 10 : 7;
  }

  // Drawing ----------------------------------------------------------------------------------

  #paint(context: CanvasRenderingContext2D, size: Size, ink: Ink): void {
    const body = this.#body;
    if (!body || this.#lanes.length === 0) return;
    context.font = ink.font;
    const names = this.#lanes.map(({ name }) => context.measureText(name).width);
    this.#left = Math.min(Math.max(...names), WIDEST_NAME_PX, size.width / 4) + 16;
    this.#right = size.width - PERCENT_PX;
    const span = Math.max(this.#right - this.#left, 1);
    const x = (time: number): number => this.#left + (span * time) / (body.elapsed || 1);
    this.#paintAxis(context, size, ink, x, body.elapsed, span);
    this.#lanes.forEach((lane, number) => this.#paintLane(context, ink, lane, number, x));
    this.#paintCursor(context, ink, x);
  }

  #paintAxis(
    context: CanvasRenderingContext2D,
    size: Size,
    ink: Ink,
    x: (time: number) => number,
    elapsed: number,
    span: number,
  ): void {
    const bottom = size.height - AXIS_PX;
    context.textBaseline = "middle";
    context.textAlign = "center";
    for (const tick of timeTicks(elapsed, Math.max(2, Math.floor(span / 90)))) {
      const at = Math.round(x(tick)) + 0.5;
      context.fillStyle = ink.rule;
      context.fillRect(at - 0.5, TOP_PX, 1, bottom - TOP_PX + 4);
      context.fillStyle = ink.muted;
      context.fillText(timeTick(tick, elapsed), at, bottom + 13);
    }
  }

  #paintLane(
    context: CanvasRenderingContext2D,
    ink: Ink,
    lane: Lane,
    number: number,
    x: (time: number) => number,
  ): void {
    const height = this.#laneHeight;
    const top = TOP_PX + number * height;
    const inner = height - (height > 12 ? 5 : 2);
    const middle = top + height / 2;
    if (number % Math.ceil(TEXT_PX / height) === 0) {
      context.textBaseline = "middle";
      context.textAlign = "left";
      context.fillStyle = ink.muted;
      context.fillText(cut(context, lane.name, this.#left - 12), 2, middle);
      context.textAlign = "right";
      context.fillStyle = ink.text;
      context.fillText(percent(lane.busy), this.#right + PERCENT_PX - 2, middle);
    }
    context.fillStyle = ink.rule;
    context.globalAlpha = 0.45;
    context.fillRect(this.#left, top + (height - inner) / 2, this.#right - this.#left, inner);
    context.globalAlpha = 1;
    for (const stretch of lane.stretches) {
      paintStretch(context, ink, stretch, x, top + (height - inner) / 2, inner);
    }
  }

  #paintCursor(context: CanvasRenderingContext2D, ink: Ink, x: (time: number) => number): void {
    const stretch = this.#pointed;
    if (!stretch || !this.#cursor) return;
    const top = TOP_PX + this.#cursor.lane * this.#laneHeight;
    context.strokeStyle = ink.text;
    context.lineWidth = 1.5;
    const width = Math.max(x(stretch.end) - x(stretch.begin), 3);
    context.strokeRect(x(stretch.begin) - 0.5, top + 0.75, width, this.#laneHeight - 1.5);
  }

  // Pointing ---------------------------------------------------------------------------------

  get #pointed(): Stretch | undefined {
    return this.#cursor
      ? this.#lanes[this.#cursor.lane]?.stretches[this.#cursor.stretch]
      : undefined;
  }

  #listen(signal: AbortSignal): void {
    const plot = this.#plot;
    plot.addEventListener("pointermove", (event) => this.#hover(event), { signal });
    plot.addEventListener("pointerleave", () => this.#leave(), { signal });
    plot.addEventListener("blur", () => this.#leave(), { signal });
    plot.addEventListener("keydown", (event) => this.#key(event), { signal });
    plot.addEventListener(
      "focus",
      () => {
        if (plot.matches(":focus-visible")) this.#point(0, 0);
      },
      { signal },
    );
  }

  #hover(event: PointerEvent): void {
    const box = this.#surface.canvas.getBoundingClientRect();
    const number = Math.floor((event.clientY - box.top - TOP_PX) / this.#laneHeight);
    const part = (event.clientX - box.left - this.#left) / (this.#right - this.#left);
    const lane = this.#lanes[number];
    if (!lane || part < 0 || part > 1) return this.#leave();
    this.#point(number, stretchAt(lane, part * (this.#body?.elapsed ?? 0)));
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { lane, stretch } = this.#cursor ?? { lane: 0, stretch: 0 };
    const row = this.#lanes[lane];
    if (!row) return;
    const to = (number: number): [number, number] => {
      const next = this.#lanes[Math.max(0, Math.min(number, this.#lanes.length - 1))]!;
      return [this.#lanes.indexOf(next), stretchAt(next, row.stretches[stretch]?.begin ?? 0)];
    };
    const targets: Record<string, () => [number, number]> = {
      ArrowRight: () => [lane, Math.min(stretch + 1, row.stretches.length - 1)],
      ArrowLeft: () => [lane, Math.max(stretch - 1, 0)],
      ArrowDown: () => to(lane + 1),
      ArrowUp: () => to(lane - 1),
      Home: () => [lane, 0],
      End: () => [lane, row.stretches.length - 1],
    };
    const target = targets[event.key];
    if (!target) return;
    event.preventDefault();
    this.#point(...target());
  }

  #point(lane: number, stretch: number): void {
    this.#cursor = { lane, stretch };
    const found = this.#pointed;
    if (!found || !this.#body) return this.#leave();
    setText(this.#tip, describe(this.#lanes[lane]!, found));
    this.#tip.hidden = false;
    const span = this.#right - this.#left;
    const middle = this.#left + (span * (found.begin + found.end)) / 2 / (this.#body.elapsed || 1);
    placeTip(this.#tip, middle, TOP_PX + (lane + 1) * this.#laneHeight + 3, this.#surface.width);
    this.#surface.schedule();
  }

  #leave(): void {
    if (!this.#cursor && this.#tip.hidden) return;
    this.#cursor = null;
    this.#tip.hidden = true;
    this.#surface.schedule();
  }
}

function tableOf(lanes: readonly Lane[]): HTMLElement[] {
  const row = (tag: "th" | "td", texts: string[]): HTMLElement =>
    el("tr", "", {}, ...texts.map((text) => el(tag, "", {}, text)));
  return [
    el("caption", "", {}, "Workers"),
    row("th", ["worker", "busy", "chunks"]),
    ...lanes.map((lane) => row("td", [lane.name, percent(lane.busy), count(lane.chunks)])),
  ];
}
