/** The entry point anywidget calls for each view. */

import type { Model } from "./model.ts";
import { drawRun } from "./run_view.ts";

interface RenderProps {
  model: Model;
  el: HTMLElement;
}

function render({ model, el }: RenderProps): () => void {
  const controller = new AbortController();
  drawRun(model, el, controller.signal);
  return () => controller.abort();
}

export default { render };
