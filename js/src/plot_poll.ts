/** Asks the kernel again and again, but only while somebody looks and something changed. */

/** A pause lasts at least this many times as long as the answer took. */
const SHARE = 20;

export interface Clock {
  now(): number;
  set(callback: () => void, ms: number): unknown;
  clear(timer: unknown): void;
}

const REAL: Clock = {
  now: () => performance.now(),
  set: (callback, ms) => setTimeout(callback, ms),
  clear: (timer) => clearTimeout(timer as ReturnType<typeof setTimeout>),
};

export class Poll {
  readonly #ask: (signal: AbortSignal) => Promise<boolean>;
  readonly #signal: AbortSignal;
  readonly #clock: Clock;
  readonly #pause: number;
  readonly #element: HTMLElement;
  #onScreen = true;
  #dirty = true;
  #busy = false;
  #timer: unknown = null;

  /**
   * `ask` gets an answer and tells whether there is more to ask for at once; it is not called while
   * the element is hidden or off the screen. Between an answer and the next question are at least
   * `pause` milliseconds.
   */
  constructor(
    element: HTMLElement,
    signal: AbortSignal,
    ask: (signal: AbortSignal) => Promise<boolean>,
    pause: number,
    clock: Clock = REAL,
  ) {
    this.#element = element;
    this.#ask = ask;
    this.#signal = signal;
    this.#clock = clock;
    this.#pause = pause;
    signal.addEventListener("abort", () => clock.clear(this.#timer), { once: true });
    if (typeof IntersectionObserver === "undefined") return;
    const observer = new IntersectionObserver((entries) => {
      this.#onScreen = entries.at(-1)!.isIntersecting;
      this.#next();
    });
    observer.observe(element);
    signal.addEventListener("abort", () => observer.disconnect(), { once: true });
  }

  /** The element is no longer hidden. */
  opened(): void {
    this.#next();
  }

  /** The run changed: what is known is old. */
  changed(): void {
    this.#dirty = true;
    this.#next();
  }

  /** Somebody wants something else: do not wait for the pause to end. */
  hurry(): void {
    this.#clock.clear(this.#timer);
    this.#timer = null;
    this.changed();
  }

  #next(): void {
    const wanted = !this.#element.hidden && this.#onScreen && this.#dirty && !this.#signal.aborted;
    if (wanted && !this.#busy && this.#timer === null) void this.#go();
  }

  async #go(): Promise<void> {
    this.#busy = true;
    this.#dirty = false;
    const begun = this.#clock.now();
    const more = await this.#ask(this.#signal);
    this.#busy = false;
    this.#dirty ||= more;
    if (this.#signal.aborted) return;
    if (!more) {
      const pause = Math.max(this.#pause, SHARE * (this.#clock.now() - begun));
      this.#timer = this.#clock.set(() => {
        this.#timer = null;
        this.#next();
      }, pause);
    } else this.#next();
  }
}
