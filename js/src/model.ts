/** The part of an anywidget model that views use, and subscriptions that end with a signal. */

import type { Traits } from "./protocol.ts";

export interface Model {
  get<K extends keyof Traits>(name: K): Traits[K];
  on(event: string, callback: (...args: never[]) => void): void;
  off(event: string, callback: (...args: never[]) => void): void;
  send(content: unknown): void;
}

/** Call back with the trait's value now and whenever the kernel changes it. */
export function watch<K extends keyof Traits>(
  model: Model,
  name: K,
  signal: AbortSignal,
  callback: (value: Traits[K]) => void,
): void {
  const changed = (): void => callback(model.get(name));
  listen(model, `change:${name}`, signal, changed);
  changed();
}

/** Call back with each message from the kernel. */
export function receive(
  model: Model,
  signal: AbortSignal,
  callback: (content: unknown) => void,
): void {
  listen(model, "msg:custom", signal, callback);
}

function listen(
  model: Model,
  event: string,
  signal: AbortSignal,
  callback: (content: never) => void,
): void {
  if (signal.aborted) return;
  model.on(event, callback);
  signal.addEventListener("abort", () => model.off(event, callback), { once: true });
}
