/** A browser for Node: import this before anything that touches the document. */

import { setMaxListeners } from "node:events";
import { Window } from "happy-dom";

// Every listener of a view ends with one signal: there are many, and that is meant.
setMaxListeners(0);

export const window = new Window({ url: "http://127.0.0.1/" });
const names = [
  "document",
  "Node",
  "HTMLElement",
  "Event",
  "KeyboardEvent",
  "MouseEvent",
  "PointerEvent",
  "WheelEvent",
  "FocusEvent",
  "MutationObserver",
  "ResizeObserver",
  "getComputedStyle",
  "requestAnimationFrame",
  "cancelAnimationFrame",
];
for (const name of names) {
  const value = (window as unknown as Record<string, unknown>)[name];
  const bound = typeof value === "function" && /^[a-z]/.test(name) ? value.bind(window) : value;
  Object.defineProperty(globalThis, name, { value: bound, configurable: true, writable: true });
}
Object.defineProperty(globalThis, "window", { value: window, configurable: true });

/** Nothing has a size here; tables and strips need one. */
export function giveSize(width: number, height: number): void {
  const prototype = (window as unknown as { HTMLElement: { prototype: object } }).HTMLElement
    .prototype;
  Object.defineProperty(prototype, "clientWidth", { configurable: true, get: () => width });
  Object.defineProperty(prototype, "clientHeight", { configurable: true, get: () => height });
}

export async function frame(): Promise<void> {
  await new Promise((resolve) => requestAnimationFrame(() => resolve(null)));
  await new Promise((resolve) => setImmediate(resolve));
}
