/** The row of panels under the strip. Each opens when wanted; a second click closes it. */

import { el, setText } from "./dom.ts";

export interface Panel {
  id: string;
  title: string;
  element: HTMLElement;
  /** Called when the panel comes into sight: what it shows is asked for only then. */
  opened?: () => void;
}

export class Panels {
  readonly element = el("div", "jpar-panels");
  readonly #bar = el("div", "jpar-panel-bar");
  readonly #buttons = new Map<string, HTMLButtonElement>();
  readonly #panels: Panel[];
  #open = "";

  constructor(panels: Panel[], signal: AbortSignal) {
    this.#panels = panels;
    this.element.append(this.#bar, ...panels.map((panel) => panel.element));
    for (const panel of panels) {
      const button = el("button", "jpar-panel-button", { type: "button" }, panel.title);
      button.addEventListener("click", () => this.open(this.#open === panel.id ? "" : panel.id), {
        signal,
      });
      this.#buttons.set(panel.id, button);
      this.#bar.append(button);
    }
    this.open("");
  }

  /** Open one panel and close the others; an empty id closes all. */
  open(id: string): void {
    this.#open = id;
    for (const panel of this.#panels) {
      panel.element.hidden = panel.id !== id;
      this.#buttons.get(panel.id)!.setAttribute("aria-expanded", String(panel.id === id));
    }
    this.#panels.find((panel) => panel.id === id)?.opened?.();
  }

  /** Put a word behind a title, a number for example. */
  badge(id: string, text: string): void {
    const panel = this.#panels.find((one) => one.id === id);
    if (panel) setText(this.#buttons.get(id)!, `${panel.title} ${text}`.trim());
  }
}
