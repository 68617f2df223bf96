/** What a stretch of a worker's time looks like. */

import type { Ink } from "./plot_canvas.ts";
import type { Stretch } from "./timeline_lanes.ts";

export function paintStretch(
  context: CanvasRenderingContext2D,
  ink: Ink,
  stretch: Stretch,
  x: (time: number) => number,
  top: number,
  height: number,
): void {
  const [begin, end] = [x(stretch.begin), x(stretch.end)];
  if (stretch.kind === "idle") return;
  if (stretch.kind === "part") {
    const tall = stretch.busy > 0 ? Math.max(height * stretch.busy, 1) : 0;
    context.fillStyle = ink.data;
    // To the next pixel, or the columns would show seams.
    const from = Math.floor(begin);
    context.fillRect(from, top + height - tall, Math.max(Math.floor(end) - from, 1), tall);
    return;
  }
  context.fillStyle = stretch.kind === "running" ? ink.running : ink.data;
  // A gap tells neighbours apart where there is room for one.
  const gap = end - begin >= 4 ? 1 : 0;
  const width = Math.max(end - begin - gap, 0.75);
  context.fillRect(begin, top, width, height);
  if (stretch.kind === "running") stripe(context, ink, begin, top, width, height);
}

/** Colour alone does not tell what runs from what is done. */
function stripe(
  context: CanvasRenderingContext2D,
  ink: Ink,
  left: number,
  top: number,
  width: number,
  height: number,
): void {
  context.save();
  context.beginPath();
  context.rect(left, top, width, height);
  context.clip();
  context.strokeStyle = ink.ground;
  context.globalAlpha = 0.55;
  context.lineWidth = 2;
  context.beginPath();
  for (let x = left - height; x < left + width; x += 7) {
    context.moveTo(x, top + height);
    context.lineTo(x + height, top);
  }
  context.stroke();
  context.restore();
}

/** As much of a text as fits into a width. */
export function cut(context: CanvasRenderingContext2D, text: string, width: number): string {
  if (context.measureText(text).width <= width) return text;
  let short = text;
  while (short.length > 1 && context.measureText(`${short}…`).width > width) {
    short = short.slice(0, -1);
  }
  return `${short}…`;
}
