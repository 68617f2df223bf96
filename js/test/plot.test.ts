import { frame, giveSize } from "./browser.ts";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Channel } from "../src/channel.ts";
import { histogramOf, marksAt, scatterOf } from "../src/plot_charts.ts";
import { PlotView } from "../src/plot.ts";
import type { Ask, Point, PointsBody, Snapshot } from "../src/protocol.ts";
import { FakeModel } from "./fake_model.ts";
import { messages, state } from "./fixtures.ts";

const body = messages.get("reply_points")!.content.body as PointsBody;
type PointsAsk = Ask & { kind: "points" };

beforeEach(() => giveSize(800, 200));

function setUp(answer: (ask: PointsAsk) => PointsBody = () => body, known = 4) {
  document.body.replaceChildren();
  const model = new FakeModel({ ...state("running"), key: "", reach: true } as never);
  model.answer = (request) => answer(request as unknown as PointsAsk);
  const controller = new AbortController();
  const view = new PlotView(new Channel(model, controller.signal), controller.signal);
  view.element.hidden = true;
  document.body.append(view.element);
  view.update({ known } as Snapshot);
  const asks = (): PointsAsk[] => model.sent as unknown as PointsAsk[];
  const open = async (): Promise<void> => {
    view.element.hidden = false;
    view.opened();
    for (let i = 0; i < 4; i++) await frame();
  };
  const [what, across] = [...view.element.querySelectorAll("select")] as HTMLSelectElement[];
  const choose = async (select: HTMLSelectElement, value: string): Promise<void> => {
    select.value = value;
    select.dispatchEvent(new Event("change"));
    for (let i = 0; i < 4; i++) await frame();
  };
  const foot = (): string => view.element.querySelector(".jpar-foot")!.textContent!;
  const press = (key: string): string => {
    const plot = view.element.querySelector(".jpar-chart-plot")!;
    plot.dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
    return view.element.querySelector(".jpar-tip")!.textContent!;
  };
  return { model, view, controller, asks, open, what: what!, across: across!, choose, foot, press };
}

test("a closed plot asks nothing; an open one for at most 2,000 points, from all over", async () => {
  const { asks, open } = setUp(undefined, 1_000_000);
  await frame();
  assert.deepEqual(asks(), []);
  await open();
  const { start, stop, step } = asks()[0]!;
  assert.deepEqual([start, stop, step], [0, 1_000_000, 500]);
});

test("numbers are drawn by themselves, and what can be drawn is offered", async () => {
  const { what, across, open, foot, press } = setUp();
  await open();
  assert.equal(what.value, "=area");
  assert.deepEqual(
    [...what.options].map(({ text }) => text),
    ["how long items took", "time of each item", "area"],
  );
  assert.deepEqual(
    [...across.options].map(({ text }) => text),
    ["item", "radius", "height"],
  );
  assert.equal(foot(), "area 6.283 to 9.425, median 9.425, 95 % up to 9.425");
  assert.equal(press("Home"), "item 0: area 6.283");
  assert.equal(press("ArrowRight"), "item 2: area 9.425");
  assert.equal(press("ArrowRight"), "item 2: area 9.425");
});

test("a choice is asked for at once and draws the answer to it", async () => {
  const { asks, across, choose, open, view } = setUp();
  await open();
  await choose(across, "1");
  assert.deepEqual([asks().at(-1)!.x, asks().at(-1)!.y], [1, "area"]);
  assert.match(
    view.element.querySelector("[role=group]")!.getAttribute("aria-label")!,
    /^area against radius/,
  );
});

test("an answer that goes on is asked for to its end", async () => {
  const { asks, open } = setUp((ask) => ({ ...body, next: ask.start < 3 ? ask.start + 1 : null }));
  await open();
  assert.deepEqual(
    asks().map(({ start }) => start),
    [0, 1, 2, 3],
  );
});

test("how long items took is a histogram with a table beside it", async () => {
  const { choose, open, what, view } = setUp();
  await open();
  await choose(what, "times");
  const rows = [...view.element.querySelectorAll("tr")].slice(1);
  const numbers = rows.map((row) => Number(row.lastElementChild!.textContent));
  const items = body.points.filter(([, , , seconds]) => seconds !== null).length;
  assert.equal(
    numbers.reduce((a, b) => a + b, 0),
    items,
  );
});

test("a part of a large run is said to be a part", async () => {
  const { foot, open } = setUp(() => ({ ...body, known: 1_000_000 }), 1_000_000);
  await open();
  assert.match(foot(), / · 3 of 1,000,000 items drawn, spread over the whole run$/);
});

test("a run whose results did not change is not asked again", async () => {
  const { asks, open, view } = setUp();
  await open();
  const asked = asks().length;
  view.update({ known: 4 } as Snapshot);
  view.opened();
  await frame();
  assert.equal(asks().length, asked);
});

test("nothing to draw is said", async () => {
  const none = { ...body, columns: [], targets: [], y: "", points: [], values: 0 };
  const { foot, open } = setUp(() => none);
  await open();
  assert.equal(foot(), "No item has ended yet: there is nothing to draw.");
});

test("values that are no numbers are said, with one of them, as text", async () => {
  const points: Point[] = [[0, 0, null, 0.01]];
  const { foot, open, view, what } = setUp(() => ({
    ...body,
    columns: [],
    y: "",
    points,
    values: 1,
    example: "'<img src=x>'",
  }));
  await open();
  assert.equal(what.value, "times");
  assert.match(foot(), /values are no numbers, so only times can be drawn \('<img src=x>'\)$/);
  assert.equal(view.element.querySelector("img"), null);
});

test("what has no number has no mark", () => {
  const points: Point[] = [
    [0, 0, 1, null],
    [1, null, 2, 0.1],
    [2, 2, null, 0.2],
  ];
  assert.equal(scatterOf(points, { x: "item", y: "v" }, false).marks.length, 1);
  const times = histogramOf(points, true)
    .table.slice(1)
    .map(([, number]) => Number(number));
  assert.equal(
    times.reduce((a, b) => a + b, 0),
    2,
  );
  assert.deepEqual(histogramOf([], false).marks, []);
});

test("the pointer finds the nearest point, and nothing far from all", () => {
  const points: Point[] = [0, 1, 2, 3, 4].map((i) => [i, i, i, 0]);
  const chart = scatterOf(points, { x: "item", y: "v" }, false);
  assert.equal(marksAt(chart, 0.26, 0.26, 3), 1);
  assert.equal(marksAt(chart, 0, 1, 3), -1);
});

test("nothing is asked after the end of the view", async () => {
  const { asks, controller, model, open, view } = setUp();
  await open();
  const asked = asks().length;
  controller.abort();
  view.update({ known: 9 } as Snapshot);
  view.opened();
  await frame();
  assert.equal(asks().length, asked);
  assert.equal(model.listeners, 0);
});
