import { frame, giveSize } from "./browser.ts";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { ItemLog, Request } from "../src/protocol.ts";
import widget from "../src/widget.ts";
import { FakeModel } from "./fake_model.ts";
import { state } from "./fixtures.ts";

const HOSTILE = "<script>alert(1)</script>";
let cleanUps: (() => void)[] = [];

beforeEach(() => giveSize(800, 154));
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  document.body.replaceChildren();
});

function draw() {
  const { snapshot, strip, printed, page } = state("finished");
  const model = new FakeModel({ snapshot, strip, printed, key: "k", reach: true });
  const log = (index: number): ItemLog => ({
    index,
    state: "success",
    dropped: index === 1 ? 1234 : 0,
    lines: index === 2 ? [] : [{ stream: "stderr", text: `${HOSTILE} ${index}` }],
  });
  model.answer = (request: Request) => {
    if (request.kind === "rows") return page;
    return request.kind === "log" ? log(request.index) : {};
  };
  const host = document.createElement("div");
  document.body.append(host);
  cleanUps.push(widget.render({ model, el: host }));
  const one = <E extends HTMLElement>(selector: string): E => host.querySelector<E>(selector)!;
  const press = (text: string): void =>
    [...host.querySelectorAll("button")].find((each) => each.textContent === text)!.click();
  const type = (text: string): void => {
    const input = one<HTMLInputElement>("input.jpar-number");
    input.value = text;
    input.dispatchEvent(new Event("input"));
  };
  const lines = (): (string | null)[] =>
    [...one(".jpar-log").children].map((line) => line.textContent);
  return { model, host, one, press, type, lines };
}

test("without an item the latest lines of all are shown, from what is known already", () => {
  const { press, lines, model } = draw();
  press("Logs");
  assert.deepEqual(lines(), ["[#0] radius 1.0", "[#1] hm"]);
  assert.ok(!model.kinds().includes("log"));
});

test("a typed item shows its output as text, and how much of it is missing", async () => {
  const { press, type, lines, host, one } = draw();
  press("Logs");
  type("1");
  await frame();
  assert.deepEqual(lines(), ["… 1,234 characters dropped", `${HOSTILE} 1`]);
  assert.ok(one(".jpar-log .jpar-stderr"));
  assert.equal(host.querySelector("script"), null);
  assert.match(one(".jpar-logs .jpar-muted").textContent!, /item 1 ✓ success/);
});

test("another item is shown at once, and an item that printed nothing says so", async () => {
  const { press, type, lines, one } = draw();
  press("Logs");
  type("1");
  await frame();
  type("2");
  await frame();
  assert.deepEqual(lines(), []);
  assert.match(one(".jpar-logs .jpar-muted").textContent!, /item 2.*has printed nothing/);
  press("All items");
  assert.equal(one<HTMLInputElement>("input.jpar-number").value, "");
  assert.deepEqual(lines(), ["[#0] radius 1.0", "[#1] hm"]);
});

test("a click on a row chooses its item; nothing is asked for while the panel is closed", async () => {
  const { host, model, press, lines } = draw();
  await frame();
  await frame();
  host.querySelectorAll<HTMLElement>(".jpar-body .jpar-row")[1]!.click();
  assert.ok(!model.kinds().includes("log"));
  press("Logs");
  await frame();
  assert.deepEqual(lines(), ["… 1,234 characters dropped", `${HOSTILE} 1`]);
});

test("new prints of a chosen item are asked for, with a pause between two questions", async () => {
  const { press, type, model } = draw();
  press("Logs");
  type("0");
  await frame();
  const asked = (): number => model.kinds().filter((kind) => kind === "log").length;
  assert.equal(asked(), 1);
  for (let total = 10; total < 30; total++) model.set("printed", { total, lines: [] });
  await frame();
  assert.equal(asked(), 1);
  await new Promise((resolve) => setTimeout(resolve, 1200));
  assert.equal(asked(), 2);
});

for (const text of ["-1", "1.5", "abc", ""]) {
  test(`${JSON.stringify(text)} is no item: all lines stay`, async () => {
    const { press, type, lines, model } = draw();
    press("Logs");
    type(text);
    await frame();
    assert.equal(lines().length, 2);
    assert.ok(!model.kinds().includes("log"));
  });
}
