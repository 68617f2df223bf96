import { frame, giveSize } from "./browser.ts";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { FoundPage, Page, Request, Row } from "../src/protocol.ts";
import { ROW_PX } from "../src/scroll.ts";
import widget from "../src/widget.ts";
import { FakeModel } from "./fake_model.ts";
import { state } from "./fixtures.ts";

let cleanUps: (() => void)[] = [];
let copied: string[] = [];
let saved: Blob[] = [];

beforeEach(() => {
  giveSize(800, 7 * ROW_PX);
  [copied, saved] = [[], []];
  const writeText = async (text: string): Promise<void> => void copied.push(text);
  Object.defineProperty(globalThis, "navigator", {
    value: { clipboard: { writeText } },
    configurable: true,
  });
  URL.createObjectURL = (blob) => `blob:${saved.push(blob as Blob)}`;
  URL.revokeObjectURL = () => {};
});
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  document.body.replaceChildren();
});

const ITEMS = 450;

function row(index: number): Row {
  const failed = index % 10 === 3;
  return {
    index,
    state: failed ? "failure" : "success",
    item: [String(index)],
    value: failed ? [] : [index === 0 ? '=cmd|" /C calc"!A0' : `-${index}.5`],
    error: failed ? "ValueError: <b>no</b>" : "",
    time: "1 ms",
    seconds: 0.001,
    restored: false,
  };
}

/** A kernel that looks at 100 rows for each question. */
function answer(request: Request): unknown {
  const columns = { prefix: ITEMS, items: ["x"], values: ["value"] };
  if (request.kind === "rows") {
    const stop = Math.min(request.stop, request.start + 200, ITEMS);
    const rows = Array.from({ length: stop - request.start }, (_, i) => row(request.start + i));
    return { start: request.start, ...columns, rows } satisfies Page;
  }
  if (request.kind === "find") {
    const next = Math.min(request.start + 100, ITEMS);
    const rows = Array.from({ length: next - request.start }, (_, i) => row(request.start + i))
      .filter((one) => !request.failed || one.state === "failure")
      .filter((one) => [...one.item, ...one.value, one.error].join().includes(request.text));
    return { next, ...columns, rows } satisfies FoundPage;
  }
  return {};
}

async function draw() {
  const { snapshot, strip, printed } = state("finished");
  const all = { ...snapshot, total: ITEMS, known: ITEMS, prefix: ITEMS, name: "areas / of <b>" };
  const model = new FakeModel({ snapshot: all, strip, printed, key: "k", reach: true });
  model.answer = answer;
  const host = document.createElement("div");
  document.body.append(host);
  cleanUps.push(widget.render({ model, el: host }));
  await frame();
  await frame();
  const one = <E extends HTMLElement>(selector: string): E => host.querySelector<E>(selector)!;
  const rows = (): HTMLElement[] => [...host.querySelectorAll<HTMLElement>(".jpar-body .jpar-row")];
  const press = (text: string): void =>
    [...host.querySelectorAll("button")].find((each) => each.textContent === text)!.click();
  const indices = (): (string | null)[] => rows().map((each) => each.firstChild!.textContent);
  return { model, host, one, rows, press, indices };
}

async function until(condition: () => boolean): Promise<void> {
  for (let i = 0; i < 600 && !condition(); i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  assert.ok(condition(), String(document.querySelector(".jpar-foot")?.textContent));
}

type View = Awaited<ReturnType<typeof draw>>;

async function onlyFailed({ one, host }: View): Promise<void> {
  const box = one<HTMLInputElement>(".jpar-check input");
  box.checked = true;
  box.dispatchEvent(new Event("change"));
  await until(() => host.querySelector(".jpar-foot")!.textContent === "45 rows match");
}

test("failed only shows the failed rows, and all of them again", async () => {
  const view = await draw();
  await onlyFailed(view);
  // The foot tells of the matches before the table has drawn them.
  await until(() => view.one(".jpar-table").getAttribute("aria-rowcount") === "46");
  await until(() => view.indices()[0] === "3");
  assert.deepEqual(view.indices().slice(0, 4), ["3", "13", "23", "33"]);
  assert.equal(view.host.querySelector(".jpar-table b"), null);
  const box = view.one<HTMLInputElement>(".jpar-check input");
  box.checked = false;
  box.dispatchEvent(new Event("change"));
  await until(() => view.indices()[0] === "0");
  assert.deepEqual(view.indices().slice(0, 2), ["0", "1"]);
});

test("a search waits for the end of typing and then goes on page by page", async () => {
  const { one, model, host, indices } = await draw();
  const search = one<HTMLInputElement>(".jpar-search");
  for (const text of ["4", "44", "449"]) {
    search.value = text;
    search.dispatchEvent(new Event("input"));
  }
  await until(() => host.querySelector(".jpar-foot")!.textContent === "1 row matches");
  const finds = model.sent.filter((request) => request.kind === "find");
  assert.ok(finds.every((request) => request.text === "449"));
  assert.deepEqual(
    finds.map((request) => request.start),
    [0, 100, 200, 300, 400],
  );
  await until(() => indices()[0] === "449");
  assert.deepEqual(indices(), ["449"]);
});

test("an item to be shown is shown among all rows", async () => {
  const view = await draw();
  await onlyFailed(view);
  view.one(".jpar-first-failure .jpar-link").click();
  await frame();
  assert.ok(!view.one<HTMLInputElement>(".jpar-check input").checked);
  assert.deepEqual(view.indices().slice(0, 2), ["0", "1"]);
});

test("the rows on the screen are copied when none are chosen", async () => {
  const { press } = await draw();
  press("Copy rows");
  await until(() => copied.length === 1);
  const lines = copied[0]!.trimEnd().split("\n");
  assert.equal(lines[0], "index\tstate\tseconds\terror\tx\tvalue");
  assert.equal(lines[2], "1\tsuccess\t0.001\t\t1\t-1.5");
  assert.ok(lines.length <= 9);
});

test("chosen rows are copied, and said aloud", async () => {
  const { rows, press, one } = await draw();
  rows()[2]!.click();
  const event = new MouseEvent("click", { bubbles: true, shiftKey: true });
  rows()[4]!.dispatchEvent(event);
  await frame();
  assert.equal(one(".jpar-sr[role=status]").textContent, "3 rows chosen");
  assert.equal(rows().filter((each) => each.classList.contains("jpar-chosen")).length, 3);
  press("Copy rows");
  await until(() => copied.length === 1);
  assert.deepEqual(
    copied[0]!
      .trimEnd()
      .split("\n")
      .map((line) => line.split("\t")[0]),
    ["index", "2", "3", "4"],
  );
});

test("Shift and arrows choose rows without a mouse, also beyond the screen and the page", async () => {
  const { one, press, indices } = await draw();
  for (let i = 0; i < 130; i++) {
    const init = { key: "ArrowDown", shiftKey: true, bubbles: true };
    one(".jpar-table").dispatchEvent(new KeyboardEvent("keydown", init));
  }
  await frame();
  assert.equal(one(".jpar-sr[role=status]").textContent, "130 rows chosen");
  await until(() => indices().includes("129"));
  press("Copy rows");
  await until(() => copied.length === 1);
  assert.equal(copied[0]!.trimEnd().split("\n").length, 131);
});

test("the CSV file has all rows, page by page, and nothing a spreadsheet would run", async () => {
  const { press, model } = await draw();
  const before = model.sent.length;
  press("Download CSV");
  await until(() => saved.length === 1);
  const lines = (await saved[0]!.text()).trimEnd().split("\r\n");
  assert.equal(lines.length, ITEMS + 1);
  assert.equal(lines[1], `0,success,0.001,,0,"'=cmd|"" /C calc""!A0"`);
  assert.equal(lines[450], "449,success,0.001,,449,-449.5");
  assert.equal(model.sent.length - before, 3, "200 rows a question");
});

test("the CSV file of a search has the rows that match", async () => {
  const view = await draw();
  await onlyFailed(view);
  view.press("Download CSV");
  await until(() => saved.length === 1);
  const lines = (await saved[0]!.text()).trimEnd().split("\r\n");
  assert.deepEqual([lines.length, lines[1]], [46, "3,failure,0.001,ValueError: <b>no</b>,3"]);
});
