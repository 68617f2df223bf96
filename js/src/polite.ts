/**
 * Asking the kernel again when something changed, without being a burden: one question at a time,
 * and a pause after each that grows with what the answer cost.
 */

export const PAUSE_MS = 1000;
/** An answer may cost this part of the time at most. */
const SHARE = 20;

export class Polite {
  readonly #ask: () => Promise<void>;
  #seen = "";
  #busy = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #wanted = "";

  constructor(ask: () => Promise<void>, signal: AbortSignal) {
    this.#ask = ask;
    signal.addEventListener("abort", () => clearTimeout(this.#timer), { once: true });
  }

  /** Say what the answer depends on; asks when it is not what it was. */
  want(state: string): void {
    this.#wanted = state;
    if (!this.#busy && state !== this.#seen) void this.#run();
  }

  async #run(): Promise<void> {
    this.#busy = true;
    this.#seen = this.#wanted;
    const begun = performance.now();
    await this.#ask();
    const pause = Math.max(PAUSE_MS, SHARE * (performance.now() - begun));
    this.#timer = setTimeout(() => {
      this.#busy = false;
      this.want(this.#wanted);
    }, pause);
  }
}
