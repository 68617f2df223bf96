/** Colours of the states as numbers for the canvas, read from the style sheet so that themes rule. */

import { STATES } from "./protocol.ts";

export type Rgba = readonly [number, number, number, number];

/** Where the style sheet has not arrived yet; the same as `view/palette.py`. */
export const DEFAULTS: Record<(typeof STATES)[number], string> = {
  pending: "#80808040",
  running: "#3b8fd9",
  success: "#1a9e77",
  failure: "#d9541e",
  cancelled: "#bb9cc8",
  skipped: "#8f8f8f",
};

export function parseHex(text: string): Rgba | null {
  const match = /^#([0-9a-f]{6})([0-9a-f]{2})?$/i.exec(text.trim());
  if (!match) return null;
  const rgb = parseInt(match[1]!, 16);
  const alpha = match[2] === undefined ? 255 : parseInt(match[2], 16);
  return [(rgb >> 16) & 255, (rgb >> 8) & 255, rgb & 255, alpha];
}

/** One colour for each state code. */
export function palette(element: Element): Rgba[] {
  const style = getComputedStyle(element);
  return STATES.map(
    (state) => parseHex(style.getPropertyValue(`--jpar-${state}`)) ?? parseHex(DEFAULTS[state])!,
  );
}

/** Call back when the application changes its theme; nothing tells a widget directly. */
export function onThemeChange(signal: AbortSignal, callback: () => void): void {
  const observer = new MutationObserver(callback);
  observer.observe(document.body, {
    attributes: true,
    attributeFilter: ["class", "data-jp-theme-light", "data-jp-theme-name"],
  });
  signal.addEventListener("abort", () => observer.disconnect(), { once: true });
}
