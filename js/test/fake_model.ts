/** A model without a kernel: traits to set, messages to read, listeners to count. */

import type { Model } from "../src/model.ts";
import type { Request, Traits } from "../src/protocol.ts";

type Callback = (...args: never[]) => void;

export class FakeModel implements Model {
  sent: Request[] = [];
  /** What the kernel would answer; nothing while it is undefined. */
  answer: ((request: Request) => unknown) | undefined;
  readonly #traits: Traits;
  readonly #listeners = new Map<string, Set<Callback>>();

  constructor(traits: Traits) {
    this.#traits = { ...traits };
  }

  get<K extends keyof Traits>(name: K): Traits[K] {
    return this.#traits[name];
  }

  on(event: string, callback: Callback): void {
    const listeners = this.#listeners.get(event) ?? new Set();
    this.#listeners.set(event, listeners.add(callback));
  }

  off(event: string, callback: Callback): void {
    this.#listeners.get(event)?.delete(callback);
  }

  send(content: unknown): void {
    const request = content as Request;
    this.sent.push(request);
    if (!this.answer) return;
    const body = this.answer(request);
    queueMicrotask(() => this.deliver({ kind: "reply", mid: request.mid, ok: true, body }));
  }

  /** The kernel changed a trait. */
  set<K extends keyof Traits>(name: K, value: Traits[K]): void {
    this.#traits[name] = value;
    this.emit(`change:${name}`);
  }

  /** The kernel sent a message. */
  deliver(content: unknown): void {
    this.emit("msg:custom", content);
  }

  emit(event: string, ...args: unknown[]): void {
    for (const listener of [...(this.#listeners.get(event) ?? [])]) listener(...(args as never[]));
  }

  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, set) => sum + set.size, 0);
  }

  kinds(): string[] {
    return this.sent.map((request) => request.kind);
  }
}
