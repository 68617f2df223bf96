/**
 * Whether a kernel stands behind a view. A saved notebook or an exported page may draw a widget from
 * stored state: such a view knows no rows and hears no buttons, the static picture below is better.
 */

import { el } from "./dom.ts";
import type { Model } from "./model.ts";

/** Call back with whether the kernel is there, now and whenever that changes. */
export function watchKernel(
  model: Model,
  host: Element,
  signal: AbortSignal,
  callback: (connected: boolean) => void,
): void {
  // The widget base classes mark the element; the model we are given does not tell.
  const changed = (): void => callback(host.closest(".jupyter-widgets-disconnected") === null);
  model.on("comm_live_update", changed);
  signal.addEventListener("abort", () => model.off("comm_live_update", changed), { once: true });
  changed();
}

/** Shows either a view or the static picture of its run, which stands right below it. */
export class PictureSwitch {
  /** Belongs into the view: it goes when the view goes, and the picture comes back. */
  readonly element: HTMLStyleElement = el("style");
  readonly #picture: string;
  #lived = false;

  constructor(key: string) {
    this.#picture = /^\w+$/.test(key) ? `.jpar-snapshot.jpar-run-${key}` : "";
  }

  /** Say whether the view should be seen; the picture follows. */
  showsView(connected: boolean): boolean {
    this.#lived ||= connected;
    const view = this.#lived || !this.#picture || document.querySelector(this.#picture) === null;
    const rule = `${this.#picture}, .jp-OutputArea-child:has(${this.#picture}) { display: none !important; }`;
    this.element.textContent = view && this.#picture ? rule : "";
    return view;
  }
}
