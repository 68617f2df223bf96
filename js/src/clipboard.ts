/** Copying text, also where the page has no clipboard interface: plain http, some embedded views. */

import { el } from "./dom.ts";

/** Put text on the clipboard; false when the browser refuses. */
export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return copyBySelection(text);
  }
}

function copyBySelection(text: string): boolean {
  const area = el("textarea", "jpar-sr", { readonly: true, "aria-hidden": "true" });
  area.value = text;
  const focused = document.activeElement;
  document.body.append(area);
  area.select();
  try {
    return document.execCommand("copy");
  } catch {
    return false;
  } finally {
    area.remove();
    if (focused instanceof HTMLElement) focused.focus({ preventScroll: true });
  }
}

/** A button that copies, and says for a moment whether it did. */
export function copyButton(
  label: string,
  text: () => string | Promise<string>,
  signal: AbortSignal,
): HTMLButtonElement {
  const button = el("button", "jpar-button", { type: "button" }, label);
  let timer: ReturnType<typeof setTimeout> | undefined;
  const copy = async (): Promise<void> => {
    button.textContent = (await copyText(await text())) ? "Copied" : "Cannot copy here";
    clearTimeout(timer);
    timer = setTimeout(() => (button.textContent = label), 1500);
  };
  button.addEventListener("click", () => void copy(), { signal });
  signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  return button;
}
