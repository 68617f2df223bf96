/** Elements by hand: text is only ever set as text, never as markup. */

type Attributes = Record<string, string | number | boolean>;

export function el<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  className = "",
  attributes: Attributes = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const node = document.createElement(tag);
  if (className) node.className = className;
  for (const [name, value] of Object.entries(attributes)) {
    if (value !== false) node.setAttribute(name, value === true ? "" : String(value));
  }
  node.append(...children);
  return node;
}

/** Set text only where it changed: an untouched node keeps selection and is not announced again. */
export function setText(node: Node, text: string): void {
  if (node.textContent !== text) node.textContent = text;
}

export function setAttribute(node: Element, name: string, value: string): void {
  if (node.getAttribute(name) !== value) node.setAttribute(name, value);
}

/** `1,234,567`, as the kernel writes it. */
export function count(number: number): string {
  return String(number).replace(/\B(?=(\d{3})+$)/g, ",");
}

export const GLYPHS: Record<string, string> = {
  pending: "·",
  running: "▸",
  success: "✓",
  failure: "✗",
  cancelled: "⊘",
  skipped: "–",
  paused: "‖",
  finished: "✓",
  failed: "✗",
  interrupted: "⊘",
};
