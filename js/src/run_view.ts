/** One view of a run: the parts, put together and fed from the traits. */

import { Actions } from "./actions.ts";
import { Announcer } from "./announce.ts";
import { Channel } from "./channel.ts";
import { count, el } from "./dom.ts";
import { ErrorsView } from "./errors.ts";
import { ResultsView } from "./results.ts";
import { Header } from "./header.ts";
import { LogsView } from "./logs.ts";
import { keepShortcutsOut } from "./keyboard.ts";
import { PictureSwitch, watchKernel } from "./life.ts";
import { watch, type Model } from "./model.ts";
import { NoticesView, PrintsView } from "./notices.ts";
import { Panels } from "./panels.ts";
import { PlotView } from "./plot.ts";
import type { Snapshot } from "./protocol.ts";
import { StripView } from "./strip.ts";
import { TimelineView } from "./timeline.ts";

/** Draw a run into an element until the signal ends it. */
export function drawRun(model: Model, host: HTMLElement, signal: AbortSignal): void {
  const notices = new NoticesView((item) => showItem(item), signal);
  const channel = new Channel(model, signal, (silent) => notices.silent(silent));
  const actions = new Actions(channel, (error) => notices.problem(error), signal);
  const header = new Header(actions.element);
  const prints = new PrintsView();
  const announcer = new Announcer();

  const results = new ResultsView(
    channel,
    () => model.get("snapshot"),
    signal,
    (text) => announcer.say(text),
    (item) => logs.choose(item),
  );
  const logs = new LogsView(channel, signal);
  const errors = new ErrorsView(
    channel,
    { show: (item) => showItem(item), problem: (text) => notices.problem(text) },
    signal,
  );
  const timeline = new TimelineView(channel, signal);
  const plot = new PlotView(channel, signal);
  const panels = new Panels(
    [
      { id: "results", title: "Results", element: results.element },
      {
        id: "errors",
        title: "Errors",
        element: errors.element,
        opened: () => errors.opened(),
      },
      {
        id: "timeline",
        title: "Timeline",
        element: timeline.element,
        opened: () => timeline.opened(),
      },
      { id: "logs", title: "Logs", element: logs.element, opened: () => logs.opened() },
      { id: "plot", title: "Plot", element: plot.element, opened: () => plot.opened() },
    ],
    signal,
  );
  const strip = new StripView(channel, (item) => showItem(item), signal);

  const showItem = (item: number): void => {
    panels.open("results");
    results.show(item);
  };

  // A click on plain text gives it the focus: keys would go to the notebook otherwise.
  const root = el("div", "jpar-root", { tabindex: -1 });
  const picture = new PictureSwitch(model.get("key"));
  root.append(
    picture.element,
    header.element,
    strip.element,
    notices.element,
    prints.element,
    panels.element,
    announcer.element,
  );
  keepShortcutsOut(root, signal);
  host.append(root);
  signal.addEventListener("abort", () => root.remove(), { once: true });

  panels.open("results");
  const update = (snapshot: Snapshot): void => {
    root.dataset.status = snapshot.status;
    header.update(snapshot);
    actions.update(snapshot, model.get("reach"));
    strip.setPrefix(snapshot.prefix, snapshot.ended);
    notices.update(snapshot);
    panels.element.hidden = snapshot.total === 0;
    results.update(snapshot);
    errors.update(snapshot);
    logs.update(snapshot);
    const failed = snapshot.counts.find(([state]) => state === "failure")?.[1];
    panels.badge("errors", failed ? count(failed) : "");
    timeline.update();
    plot.update(snapshot);
    announcer.update(snapshot);
  };
  watchKernel(model, host, signal, (connected) => {
    root.hidden = !picture.showsView(connected);
    notices.connected(connected || model.get("snapshot").ended);
  });
  watch(model, "strip", signal, (data) => strip.setCells(data));
  watch(model, "snapshot", signal, update);
  watch(model, "printed", signal, (printed) => {
    prints.update(printed);
    logs.heard(printed);
  });
}
