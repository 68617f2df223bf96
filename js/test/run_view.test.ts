import { frame, giveSize } from "./browser.ts";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { Page, Row, Snapshot } from "../src/protocol.ts";
import { ROW_PX } from "../src/scroll.ts";
import widget from "../src/widget.ts";
import { FakeModel } from "./fake_model.ts";
import { state, strip } from "./fixtures.ts";

let cleanUps: (() => void)[] = [];

beforeEach(() => giveSize(800, 7 * ROW_PX));
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  document.body.replaceChildren();
});

function draw(
  changes: Partial<Snapshot> = {},
  { reach = true, key = "abc123" } = {},
  className = "",
) {
  const { snapshot, strip, printed, page } = state("running");
  const model = new FakeModel({
    snapshot: { ...snapshot, ...changes },
    strip,
    printed,
    key,
    reach,
  });
  model.answer = ({ kind }) => (kind === "rows" ? page : {});
  const host = document.createElement("div");
  host.className = className;
  document.body.append(host);
  const cleanUp = widget.render({ model, el: host });
  cleanUps.push(cleanUp);
  const one = (selector: string): HTMLElement => host.querySelector<HTMLElement>(selector)!;
  const update = (more: Partial<Snapshot>): void =>
    model.set("snapshot", { ...model.get("snapshot"), ...more });
  return { model, host, cleanUp, one, update };
}

function button(host: HTMLElement, text: string): HTMLButtonElement {
  const found = [...host.querySelectorAll("button")].find((one) => one.textContent === text);
  assert.ok(found, `a button ${text}`);
  return found;
}

function press(target: HTMLElement, key: string, modifiers: object = {}): KeyboardEvent {
  const event = new KeyboardEvent("keydown", {
    key,
    bubbles: true,
    cancelable: true,
    ...modifiers,
  });
  target.dispatchEvent(event);
  return event;
}

test("header, counts, failure and prints are drawn from the traits alone", () => {
  const { host, one } = draw();
  assert.equal(one(".jpar-name").textContent, "areas");
  assert.equal(one(".jpar-status").textContent, "running");
  assert.equal(one(".jpar-backend").textContent, "loky · 8 workers");
  assert.deepEqual(
    [...host.querySelectorAll(".jpar-count")].map((count) => count.textContent),
    ["1 success", "1 failure", "1 running", "1 pending"],
  );
  assert.match(one(".jpar-first-failure").textContent!, /item 1 failed/);
  assert.match(one(".jpar-first-failure").textContent!, /ValueError: height must be positive/);
  assert.match(one(".jpar-first-failure").textContent!, /radius=1.0, height=-3.0/);
  assert.equal(one(".jpar-prints").textContent, "[#0] radius 1.0[#1] hm");
});

test("the table fills with the rows of the finished prefix", async () => {
  const { host } = draw();
  await frame();
  await frame();
  const header = [...host.querySelectorAll(".jpar-head .jpar-cell")].map(
    (cell) => cell.textContent,
  );
  assert.deepEqual(header, ["#", "radius", "height", "area", "unit", "time", "state"]);
  const rows = [...host.querySelectorAll(".jpar-body .jpar-row")].map((row) =>
    [...row.children].map((cell) => cell.textContent),
  );
  assert.deepEqual(rows, [
    ["0", "1.0", "2.0", "6.283", "'m²'", "12 ms", "✓ success"],
    ["1", "1.0", "-3.0", "ValueError: height must be positive", "0 µs", "✗ failure"],
  ]);
});

test("counts that change keep their place", () => {
  const { host, update } = draw();
  const before = [...host.querySelectorAll(".jpar-count")];
  update({
    counts: [
      ["success", 2],
      ["failure", 1],
      ["running", 1],
      ["pending", 1000],
    ],
  });
  assert.deepEqual([...host.querySelectorAll(".jpar-count")], before);
  assert.equal(before[3]!.textContent, "1,000 pending");
});

for (const [text, sent] of [
  ["Pause", { kind: "pause" }],
  ["Cancel", { kind: "cancel", policy: "all" }],
  ["Detach", { kind: "detach" }],
] as const) {
  test(`${text} tells the kernel with one click`, () => {
    const { host, model } = draw();
    button(host, text).click();
    const { mid, ...request } = model.sent.find(({ kind }) => kind === sent.kind)!;
    assert.ok(mid);
    assert.deepEqual(request, sent);
  });
}

test("the arrow beside Cancel offers to let running items end", () => {
  const { host, model, one } = draw();
  assert.ok(one(".jpar-menu").hidden);
  button(host, "▾").click();
  assert.ok(!one(".jpar-menu").hidden);
  button(host, "After the running items").click();
  assert.ok(one(".jpar-menu").hidden);
  const { mid: _, ...request } = model.sent.find(({ kind }) => kind === "cancel")!;
  assert.deepEqual(request, { kind: "cancel", policy: "pending" });
});

test("Escape closes the menu and stays inside; without a menu it is the notebook's", () => {
  const { host, one } = draw();
  let outside = 0;
  host.addEventListener("keydown", () => outside++);
  button(host, "▾").click();
  press(button(host, "After the running items"), "Escape");
  assert.ok(one(".jpar-menu").hidden);
  assert.equal(outside, 0);
  press(one(".jpar-table"), "Escape");
  assert.equal(outside, 1);
});

test("a clicked Cancel says so and cannot be clicked into something else", () => {
  const { host, update, one } = draw();
  button(host, "Cancel").click();
  assert.ok(button(host, "Cancelling…").disabled);
  assert.ok(button(host, "Pause").disabled);
  update({ status: "cancelled", ended: true, can: [] });
  assert.ok(one(".jpar-split").hidden);
});

test("who waits for the running items may still lose patience", () => {
  const { host, model, one } = draw();
  button(host, "▾").click();
  button(host, "After the running items").click();
  assert.ok(one(".jpar-more").hidden);
  button(host, "Stop now").click();
  const { mid: _, ...request } = model.sent.at(-1)!;
  assert.deepEqual(request, { kind: "cancel", policy: "all" });
});

test("a paused run offers to go on", () => {
  const { host, model, update } = draw();
  update({ status: "paused", can: ["resume", "cancel", "detach"] });
  button(host, "Resume").click();
  assert.ok(model.kinds().includes("resume"));
});

test("a run nobody waits for alone has Detach off, and says why", () => {
  const { host } = draw({ can: ["pause", "cancel"] });
  assert.ok(button(host, "Detach").disabled);
  assert.match(button(host, "Detach").title, /Nothing to detach/);
});

test("a kernel that cannot hear buttons while a cell runs says so instead of showing dead ones", () => {
  const { host, one, update } = draw({}, { reach: false });
  assert.ok(button(host, "Cancel").parentElement!.hidden);
  assert.match(one(".jpar-unreachable").textContent!, /■ stops the run.*--bg/);
  assert.ok(!one(".jpar-unreachable").hidden);
  update({ can: ["pause", "cancel"] }); // In the background buttons work there too.
  assert.ok(one(".jpar-unreachable").hidden);
  assert.ok(!button(host, "Cancel").parentElement!.hidden);
});

test("an error of a command is shown", async () => {
  const { host, model, one } = draw();
  model.answer = undefined;
  button(host, "Pause").click();
  const { mid } = model.sent.at(-1)!;
  model.deliver({ kind: "reply", mid, ok: false, error: "pause failed" });
  await frame();
  assert.equal(one(".jpar-problem").textContent, "pause failed");
  assert.ok(!button(host, "Pause").disabled);
});

test("the notebook's shortcuts do not hear keys, applications do", () => {
  const { one } = draw();
  const heard: string[] = [];
  document.body.addEventListener("keydown", (event) => heard.push(event.key), {
    signal: AbortSignal.timeout(5000),
  });
  assert.equal(
    one(".jpar-root").getAttribute("tabindex"),
    "-1",
    "a click on plain text focuses it",
  );
  for (const target of [one(".jpar-root"), one(".jpar-table"), one(".jpar-strip-line")]) {
    for (const key of ["d", "x", "i", "0", "ArrowDown", "Enter", "M"]) press(target, key);
  }
  assert.deepEqual(heard, []);
  press(one(".jpar-table"), "s", { ctrlKey: true });
  assert.deepEqual(heard, ["s"]);
});

test("arrows walk along the strip and say what is there; Enter jumps to the row", async () => {
  const { one } = draw();
  const line = one(".jpar-strip-line");
  press(line, "ArrowRight");
  assert.equal(line.getAttribute("aria-valuetext"), "item 0: ✓ success");
  press(line, "End");
  assert.equal(line.getAttribute("aria-valuetext"), "item 3: · pending");
  press(line, "Home");
  press(line, "ArrowRight");
  assert.equal(line.getAttribute("aria-valuetext"), "item 1: ✗ failure");
  press(line, "Enter");
  await frame();
  await frame();
  assert.equal(one(".jpar-marked").getAttribute("aria-rowindex"), "3");
});

test("a cell of many items tells its counts as the kernel knows them", async () => {
  const { model, one } = draw();
  const span = {
    start: 500,
    stop: 1000,
    counts: [
      ["success", 499],
      ["failure", 1],
    ],
  };
  model.answer = ({ kind }) => (kind === "span" ? span : {});
  model.set("strip", strip([2 | (31 << 3), 3 | (31 << 3)], 500));
  const line = one(".jpar-strip-line");
  press(line, "End");
  while (!model.kinds().includes("span")) await frame();
  await frame();
  assert.equal(line.getAttribute("aria-valuetext"), "items 500–999: 499 success · 1 failure");
});

test("Results closes and opens, and a click on the first failure opens it", () => {
  const { host, one } = draw();
  const results = button(host, "Results");
  results.click();
  assert.ok(one(".jpar-results").hidden);
  assert.equal(results.getAttribute("aria-expanded"), "false");
  button(host, "item 1 failed").click();
  assert.ok(!one(".jpar-results").hidden);
});

test("a screen reader hears start, first failure, each quarter and the end, and nothing else", () => {
  const { one, update } = draw({
    failure: null,
    complete: 0,
    total: 100,
    counts: [["success", 0]],
  });
  const said: string[] = [];
  const note = (): void => {
    const text = one("[aria-live=polite]").textContent!;
    if (text !== said.at(-1)) said.push(text);
  };
  note();
  for (let complete = 1; complete < 100; complete++) {
    const failure =
      complete < 40 ? null : { index: 39, item: "", error: "ValueError: no", where: "" };
    update({ complete, failure, counts: [["success", complete]] });
    note();
  }
  update({ complete: 100, ended: true, status: "failed", can: [] });
  note();
  update({ elapsed: "later" });
  note();
  assert.deepEqual(said, [
    "areas: running, 0 success",
    "areas: 25 %",
    "areas: item 39 failed, ValueError: no",
    "areas: 50 %",
    "areas: 75 %",
    "areas: failed, 99 success",
  ]);
});

test("progress is told to assistive technology", () => {
  const { one } = draw();
  const progress = one("[role=progressbar]");
  assert.equal(progress.getAttribute("aria-valuenow"), "2");
  assert.equal(progress.getAttribute("aria-valuemax"), "4");
  assert.equal(progress.getAttribute("aria-valuetext"), "running, 2 of 4 items");
});

test("the static picture is hidden as long as the view lives", () => {
  const { host, cleanUp } = draw();
  assert.match(host.querySelector("style")!.textContent!, /jpar-run-abc123.*display: none/s);
  cleanUp();
  assert.equal(host.querySelector("style"), null);
});

function addPicture(): void {
  const picture = document.createElement("div");
  picture.className = "jpar-snapshot jpar-run-abc123";
  document.body.append(picture);
}

function drawDead(): ReturnType<typeof draw> {
  return draw({}, {}, "jupyter-widgets-disconnected");
}

test("a view without a kernel leaves the place to the static picture", () => {
  addPicture();
  const { one, host } = drawDead();
  assert.ok(one(".jpar-root").hidden);
  assert.equal(host.querySelector("style")!.textContent, "");
});

test("a view without a kernel and without a picture is better than nothing", () => {
  assert.ok(!drawDead().one(".jpar-root").hidden);
});

test("a view whose kernel goes away stays, and says so when the run had not ended", () => {
  addPicture();
  const { model, host, one } = draw();
  host.className = "jupyter-widgets-disconnected";
  model.emit("comm_live_update");
  assert.ok(!one(".jpar-root").hidden);
  const notes = [...host.querySelectorAll<HTMLElement>(".jpar-note")].filter(
    (note) => !note.hidden,
  );
  assert.match(notes[0]!.textContent!, /kernel is gone/);
  host.className = "";
  model.emit("comm_live_update");
  assert.ok([...host.querySelectorAll<HTMLElement>(".jpar-note")].every((note) => note.hidden));
});

test("a key that is no word never reaches a style sheet", () => {
  const { host } = draw({}, { key: "} body { display: none" });
  assert.equal(host.querySelector("style")!.textContent, "");
});

test("no string becomes markup", async () => {
  const evil = "<img src=x onerror=alert(1)><script>alert(1)</script>";
  const row: Row = {
    index: 0,
    state: "failure",
    item: [evil, evil],
    value: [evil],
    error: evil,
    time: evil,
    restored: false,
    seconds: null,
  };
  const { host, model, update } = draw();
  const page: Page = { start: 0, prefix: 2, items: [evil, evil], values: [evil], rows: [row, row] };
  model.answer = () => page;
  update({
    name: evil,
    backend: evil,
    rate: evil,
    elapsed: evil,
    gap: evil,
    note: evil,
    failure: { index: 1, item: evil, error: evil, where: evil },
    prefix: 3,
  });
  model.set("printed", { total: 1, lines: [{ n: 0, index: 0, stream: evil, text: evil }] });
  await frame();
  await frame();
  assert.ok(host.querySelector(".jpar-body .jpar-cell")!.textContent);
  assert.equal(host.querySelector("img, script"), null);
});

test("a million rows are a few elements, and the end is reached", async () => {
  const { host, model, one, update } = draw();
  model.answer = (request) => {
    if (request.kind !== "rows") return {};
    const rows = Array.from({ length: request.stop - request.start }, (_, i) => ({
      index: request.start + i,
      state: "success",
      item: ["1", "2"],
      value: ["3"],
      error: "",
      time: "1 ms",
    }));
    return { start: request.start, prefix: 1_000_000, items: ["a", "b"], values: ["value"], rows };
  };
  update({ prefix: 1_000_000, total: 1_000_000, known: 1_000_000, complete: 1_000_000 });
  await frame();
  press(one(".jpar-table"), "End");
  await frame();
  await frame();
  const rows = [...host.querySelectorAll(".jpar-body .jpar-row")];
  assert.ok(rows.length < 30, String(rows.length));
  assert.equal(rows.at(-1)!.firstElementChild!.textContent, "999,999");
  assert.ok(model.kinds().filter((kind) => kind === "rows").length < 6);
});

test("the height of the table is there from the start", () => {
  const { one, update } = draw({ prefix: 0, complete: 0, total: 1000, known: 1000 });
  const rows = (): string => one(".jpar-table").style.getPropertyValue("--jpar-rows");
  assert.equal(rows(), "6");
  update({ prefix: 600 });
  assert.equal(rows(), "6");
  assert.equal(
    draw({ total: 2, known: 2 }).one(".jpar-table").style.getPropertyValue("--jpar-rows"),
    "2",
  );
});

/** The prototype that brings a method to elements. */
function ownerOf(method: "addEventListener"): EventTarget {
  let prototype = Object.getPrototypeOf(document.createElement("div")) as object;
  while (!Object.hasOwn(prototype, method)) prototype = Object.getPrototypeOf(prototype) as object;
  return prototype as EventTarget;
}

test("what is left of a view after its end: nothing", async () => {
  const observers = { live: 0 };
  const restore = (["MutationObserver", "ResizeObserver"] as const).map((name) => {
    const real = globalThis[name];
    class Counted extends (real as unknown as new (callback: () => void) => ResizeObserver) {
      override observe(target: Element, options?: ResizeObserverOptions): void {
        observers.live++;
        super.observe(target, options);
      }
      override disconnect(): void {
        observers.live--;
        super.disconnect();
      }
    }
    Object.defineProperty(globalThis, name, { value: Counted, configurable: true, writable: true });
    return () => Object.defineProperty(globalThis, name, { value: real, configurable: true });
  });
  const added = new Map<string, number>();
  const prototype = ownerOf("addEventListener");
  const real = prototype.addEventListener;
  prototype.addEventListener = function (type, listener, options) {
    const signal = typeof options === "object" ? options?.signal : undefined;
    if (this instanceof HTMLElement) {
      assert.ok(signal, `the listener for ${type} ends with the view`);
      added.set(type, (added.get(type) ?? 0) + 1);
    }
    return real.call(this, type, listener, options);
  };
  try {
    const { host, model, cleanUp } = draw();
    await frame();
    assert.ok(observers.live > 0);
    assert.ok(added.size > 5);
    cleanUp();
    assert.equal(model.listeners, 0);
    assert.equal(observers.live, 0);
    assert.equal(host.childElementCount, 0);
    const sent = model.sent.length;
    model.set("snapshot", state("finished").snapshot);
    await frame();
    assert.equal(model.sent.length, sent);
  } finally {
    prototype.addEventListener = real;
    for (const undo of restore) undo();
  }
});

test("two views of one run do not disturb each other", () => {
  const { model, host } = draw();
  const second = document.createElement("div");
  document.body.append(second);
  cleanUps.push(widget.render({ model, el: second }));
  button(second, "Results").click();
  assert.ok(second.querySelector<HTMLElement>(".jpar-results")!.hidden);
  assert.ok(!host.querySelector<HTMLElement>(".jpar-results")!.hidden);
});
