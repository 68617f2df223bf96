/** Keeps the notebook's own shortcuts out: `d d` after a click in the widget deleted the whole cell. */

export function keepShortcutsOut(root: HTMLElement, signal: AbortSignal): void {
  root.addEventListener(
    "keydown",
    (event) => {
      // Ctrl+S and friends belong to the application; Escape is the way back to the notebook.
      if (event.ctrlKey || event.metaKey || event.altKey || event.key === "Escape") return;
      event.stopPropagation();
    },
    { signal },
  );
}
