/**
 * Requests to the kernel. A message may be lost or wait for a blocked shell (the first one of a view
 * often does), so each is sent again until it is answered; the kernel acts on it once.
 */

import { receive, type Model } from "./model.ts";
import { asReply, type Ask, type Request } from "./protocol.ts";

export const RESEND_MS = 200;
/** After this many tries the pace drops, so that a blocked kernel does not find a pile of copies. */
const EAGER_TRIES = 10;
const PATIENT_MS = 2000;
/** Unanswered for so long means the kernel cannot listen now; people should know. */
export const SILENCE_MS = 3000;

/** The kernel understood a request and refused it. */
export class Refused extends Error {}

export interface Timers {
  set(callback: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

const REAL_TIMERS: Timers = {
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

interface Open {
  request: Request;
  tries: number;
  waited: number;
  timer: unknown;
  resolve(body: unknown): void;
  reject(error: Error): void;
}

let channels = 0;

export class Channel {
  readonly #model: Model;
  readonly #timers: Timers;
  readonly #prefix: string;
  readonly #open = new Map<string, Open>();
  readonly #onSilence: (silent: boolean) => void;
  #sent = 0;
  #silent = false;

  /** `onSilence` hears when a request stays unanswered, and when answers come again. */
  constructor(
    model: Model,
    signal: AbortSignal,
    onSilence: (silent: boolean) => void = () => {},
    timers: Timers = REAL_TIMERS,
  ) {
    this.#model = model;
    this.#timers = timers;
    this.#onSilence = onSilence;
    // Two pages may show the same run: ids must differ between them too.
    this.#prefix = `v${Date.now().toString(36)}${Math.random().toString(36).slice(2, 8)}.${++channels}`;
    receive(model, signal, (content) => this.#settle(content));
    signal.addEventListener("abort", () => this.#close(), { once: true });
  }

  /** Send a request; the promise ends with the kernel's answer, or never when the view goes first. */
  ask(ask: Ask, signal?: AbortSignal): Promise<unknown> {
    const mid = `${this.#prefix}-${++this.#sent}`;
    return new Promise((resolve, reject) => {
      const open: Open = {
        request: { ...ask, mid },
        tries: 0,
        waited: 0,
        timer: null,
        resolve,
        reject,
      };
      this.#open.set(mid, open);
      signal?.addEventListener("abort", () => this.#forget(mid), { once: true });
      this.#send(open);
    });
  }

  #send(open: Open): void {
    this.#model.send(open.request);
    open.tries += 1;
    const pause = open.tries < EAGER_TRIES ? RESEND_MS : PATIENT_MS;
    open.timer = this.#timers.set(() => {
      open.waited += pause;
      if (open.waited >= SILENCE_MS) this.#setSilent(true);
      this.#send(open);
    }, pause);
  }

  #settle(content: unknown): void {
    const reply = asReply(content);
    const open = reply && this.#forget(reply.mid);
    if (!reply || !open) return;
    this.#setSilent(false);
    if (reply.ok) open.resolve(reply.body);
    else open.reject(new Refused(reply.error));
  }

  #forget(mid: string): Open | undefined {
    const open = this.#open.get(mid);
    this.#open.delete(mid);
    if (open) this.#timers.clear(open.timer);
    return open;
  }

  #setSilent(silent: boolean): void {
    if (silent === this.#silent) return;
    this.#silent = silent;
    this.#onSilence(silent);
  }

  #close(): void {
    for (const mid of [...this.#open.keys()]) this.#forget(mid);
  }
}
