import { frame, giveSize } from "./browser.ts";
import assert from "node:assert/strict";
import { beforeEach, test } from "node:test";
import { Channel } from "../src/channel.ts";
import type { Request, TimelineBody } from "../src/protocol.ts";
import { TimelineView } from "../src/timeline.ts";
import { FakeModel } from "./fake_model.ts";
import { messages, state } from "./fixtures.ts";

const body = messages.get("reply_timeline")!.content.body as TimelineBody;

beforeEach(() => giveSize(800, 200));

function setUp(answer: (request: Request) => unknown = () => body) {
  document.body.replaceChildren();
  const model = new FakeModel({ ...state("running"), key: "", reach: true } as never);
  model.answer = answer;
  const controller = new AbortController();
  const view = new TimelineView(new Channel(model, controller.signal), controller.signal);
  view.element.hidden = true;
  document.body.append(view.element);
  const one = (selector: string): HTMLElement => view.element.querySelector(selector)!;
  const open = async (): Promise<void> => {
    view.element.hidden = false;
    view.opened();
    await frame();
    await frame();
  };
  const press = (key: string): void => {
    one(".jpar-chart-plot").dispatchEvent(new KeyboardEvent("keydown", { key, bubbles: true }));
  };
  return { model, view, controller, one, open, press };
}

test("a closed timeline asks nothing; an open one asks for all bars, then for new ones", async () => {
  const { model, view, open } = setUp(({ kind, ...rest }) => {
    assert.equal(kind, "timeline");
    const { start } = rest as unknown as { start: number };
    const more = start === 0;
    return { ...body, first: start, bars: more ? body.bars : [], more };
  });
  view.update();
  await frame();
  assert.deepEqual(model.sent, []);
  await open();
  assert.deepEqual(
    model.sent.map((request) => (request as { start?: number }).start),
    [0, body.bars.length],
  );
});

test("the picture has a text beside it: a sentence and a table", async () => {
  const { one, view, open } = setUp();
  await open();
  assert.match(one(".jpar-chart-summary").textContent!, /^17 % busy · 8 workers · 4.0 s/);
  const rows = [...view.element.querySelectorAll("tr")].map((row) =>
    [...row.children].map((cell) => cell.textContent),
  );
  assert.deepEqual(rows, [
    ["worker", "busy", "chunks"],
    ["loky-1", "50 %", "1"],
    ["loky-2", "63 %", "2"],
    ["w6", "25 %", "0"],
  ]);
});

test("arrows walk through chunks, gaps and workers", async () => {
  const { one, open, press } = setUp();
  await open();
  const tip = (): string => (one(".jpar-tip").hidden ? "" : one(".jpar-tip").textContent!);
  press("Home");
  assert.match(tip(), /^loky-1: items 0–9/);
  press("ArrowRight");
  assert.match(tip(), /^loky-1: idle/);
  press("ArrowDown");
  assert.match(tip(), /^loky-2: items 20–29/);
  press("End");
  assert.match(tip(), /^loky-2: idle/);
  press("ArrowUp");
  press("ArrowUp");
  assert.match(tip(), /^loky-1/);
  one(".jpar-chart-plot").dispatchEvent(new FocusEvent("blur"));
  assert.equal(tip(), "");
});

test("names of workers are text", async () => {
  const evil = "<img src=x onerror=alert(1)>";
  const { view, open, press } = setUp(() => ({ ...body, lanes: [[evil, 1, 1]], running: [] }));
  await open();
  press("Home");
  assert.equal(view.element.querySelector("img"), null);
  assert.ok(view.element.textContent!.includes(evil));
});

test("a run that is gone is told", async () => {
  const { model, one, view } = setUp();
  model.answer = undefined;
  view.element.hidden = false;
  view.opened();
  const { mid } = model.sent[0]!;
  model.deliver({ kind: "reply", mid, ok: false, error: "this run is no longer in memory" });
  await frame();
  assert.equal(one(".jpar-chart-summary").textContent, "this run is no longer in memory");
});

test("nothing is asked after the end of the view", async () => {
  const { model, view, controller, open } = setUp();
  await open();
  const asked = model.sent.length;
  controller.abort();
  view.update();
  view.opened();
  await frame();
  assert.equal(model.sent.length, asked);
  assert.equal(model.listeners, 0);
});
