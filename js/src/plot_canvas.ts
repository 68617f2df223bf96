/** A canvas that fits its place, knows the theme, and is painted once a frame at most, while it is seen. */

import { el } from "./dom.ts";
import { onThemeChange } from "./palette.ts";

export interface Ink {
  text: string;
  muted: string;
  rule: string;
  ground: string;
  data: string;
  running: string;
  focus: string;
  font: string;
}

export interface Size {
  width: number;
  height: number;
}

export type Paint = (context: CanvasRenderingContext2D, size: Size, ink: Ink) => void;

export class Surface {
  readonly canvas = el("canvas", "jpar-chart-canvas", { "aria-hidden": "true" });
  readonly #paint: Paint;
  #height = 0;
  #frame = 0;

  constructor(signal: AbortSignal, paint: Paint) {
    this.#paint = paint;
    const observer = new ResizeObserver(() => this.schedule());
    observer.observe(this.canvas);
    onThemeChange(signal, () => this.schedule());
    signal.addEventListener("abort", () => {
      observer.disconnect();
      cancelAnimationFrame(this.#frame);
    });
  }

  get width(): number {
    return this.canvas.clientWidth;
  }

  setHeight(height: number): void {
    if (height === this.#height) return;
    this.#height = height;
    this.canvas.style.height = `${height}px`;
  }

  schedule(): void {
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      this.#draw();
    });
  }

  #draw(): void {
    const { canvas } = this;
    const size = { width: canvas.clientWidth, height: this.#height };
    const context = size.width > 0 ? canvas.getContext("2d") : null;
    if (!context) return;
    const ratio = window.devicePixelRatio || 1;
    const [width, height] = [Math.round(size.width * ratio), Math.round(size.height * ratio)];
    if (canvas.width !== width || canvas.height !== height) {
      canvas.width = width;
      canvas.height = height;
    }
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, size.width, size.height);
    this.#paint(context, size, inkOf(canvas));
  }
}

function inkOf(element: Element): Ink {
  const style = getComputedStyle(element);
  const read = (name: string, otherwise: string): string =>
    style.getPropertyValue(`--jpar-${name}`).trim() || otherwise;
  return {
    text: read("text", "#1f1f1f"),
    muted: read("muted", "#6b6b6b"),
    rule: read("rule", "#e0e0e0"),
    ground: read("ground", "#ffffff"),
    data: read("data", "#3f72af"),
    running: read("running", "#3b8fd9"),
    focus: read("focus", "#1976d2"),
    font: `11px ${read("ui", "sans-serif")}`,
  };
}

/** Put a tip beside a point of its chart, inside of it. */
export function placeTip(tip: HTMLElement, x: number, y: number, width: number): void {
  const half = tip.offsetWidth / 2;
  tip.style.left = `${Math.max(0, Math.min(x - half, width - 2 * half))}px`;
  tip.style.top = `${y}px`;
}
