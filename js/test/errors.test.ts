import { frame, giveSize } from "./browser.ts";
import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";
import type { ErrorGroups, FailureDetail, Request, Snapshot } from "../src/protocol.ts";
import widget from "../src/widget.ts";
import { FakeModel } from "./fake_model.ts";
import { state } from "./fixtures.ts";

const HOSTILE = '<img src=x onerror="alert(1)">';
let cleanUps: (() => void)[] = [];

beforeEach(() => giveSize(800, 154));
afterEach(() => {
  for (const cleanUp of cleanUps.splice(0)) cleanUp();
  document.body.replaceChildren();
});

const groups: ErrorGroups = {
  total: 2,
  failed: 4,
  groups: [
    { type: "ValueError", message: HOSTILE, where: "line 2", count: 3, indices: [1, 5, 9] },
    { type: "KeyError", message: "'a'", where: "line 3", count: 1, indices: [4] },
  ],
};

function detail(index: number): FailureDetail {
  const frames = `Traceback\n  ${HOSTILE}`;
  const item: [string, string][] = [["x", HOSTILE]];
  return { index, state: "failure", item, error: "no", frames, debug: `run.debug(${index})` };
}

function draw(changes: Partial<Snapshot> = {}) {
  const { snapshot, strip, printed, page } = state("finished");
  const traits = { snapshot: { ...snapshot, ...changes }, strip, printed, key: "k", reach: true };
  const model = new FakeModel(traits);
  const answers: Record<string, (request: Request) => unknown> = {
    rows: () => page,
    errors: () => groups,
    failure: (request) => detail((request as { index: number }).index),
  };
  model.answer = (request) => answers[request.kind]?.(request) ?? {};
  const host = document.createElement("div");
  document.body.append(host);
  cleanUps.push(widget.render({ model, el: host }));
  const one = (selector: string): HTMLElement => host.querySelector<HTMLElement>(selector)!;
  const press = (text: string): void => {
    const found = [...host.querySelectorAll("button")].find((each) => each.textContent === text);
    assert.ok(found, `a button ${text}`);
    found.click();
  };
  const update = (more: Partial<Snapshot>): void =>
    model.set("snapshot", { ...model.get("snapshot"), ...more });
  const last = (kind: string): Record<string, unknown> => {
    const { mid: _, ...request } = model.sent.filter((each) => each.kind === kind).at(-1)!;
    return request;
  };
  return { model, host, one, press, update, last };
}

async function opened() {
  const view = draw();
  view.press("Errors 1");
  await frame();
  return view;
}

test("failures are asked for when their panel opens, not before", async () => {
  const { model, press } = draw();
  assert.ok(!model.kinds().includes("errors"));
  press("Errors 1");
  assert.ok(model.kinds().includes("errors"));
});

test("groups tell how many failed, how and where, and what failed stays text", async () => {
  const { host, one } = await opened();
  assert.equal(one(".jpar-errors .jpar-muted").textContent, "4 items failed, in 2 ways");
  const lines = [...host.querySelectorAll(".jpar-error-toggle")].map((line) => line.textContent);
  assert.deepEqual(lines, [`3 × ValueError: ${HOSTILE} at line 2`, "1 × KeyError: 'a' at line 3"]);
  assert.equal(one(".jpar-error-items").textContent, "items 1, 5, 9");
  assert.equal(host.querySelector("img"), null);
});

test("a group opens to the frames, the inputs and the line that debugs its first item", async () => {
  const { host, one, last } = await opened();
  one(".jpar-error-toggle").click();
  await frame();
  assert.deepEqual(last("failure"), { kind: "failure", index: 1 });
  assert.equal(one(".jpar-error-toggle").getAttribute("aria-expanded"), "true");
  assert.equal(one(".jpar-frames").textContent, `Traceback\n  ${HOSTILE}`);
  assert.equal(one(".jpar-error-title").textContent, `item 1x=${HOSTILE}`);
  assert.equal(one(".jpar-debug").textContent, "run.debug(1)");
  assert.equal(host.querySelector("img"), null);
});

test("another item of the group shows its own frames", async () => {
  const { press, last, one } = await opened();
  press("9");
  await frame();
  assert.deepEqual(last("failure"), { kind: "failure", index: 9 });
  assert.equal(one(".jpar-debug").textContent, "run.debug(9)");
});

for (const [text, scope, index] of [
  ["Retry all failed", "failed", 0],
  ["Retry these 3", "group", 1],
  ["Retry item 5", "item", 5],
] as const) {
  test(`${text} asks for ${scope}`, async () => {
    const { press, last } = await opened();
    press("5");
    await frame();
    press(text);
    assert.deepEqual(last("retry"), { kind: "retry", scope, index });
  });
}

test("groups that changed keep their place, their focus and what is open", async () => {
  const { one, update, model } = await opened();
  const toggle = one(".jpar-error-toggle");
  toggle.click();
  toggle.focus();
  await frame();
  const before = model.kinds().filter((kind) => kind === "errors").length;
  for (const failed of [2, 3, 4, 5]) {
    update({
      counts: [
        ["success", 3],
        ["failure", failed],
      ],
    });
  }
  const asked = model.kinds().filter((kind) => kind === "errors").length;
  assert.equal(asked, before, "a pause lies between two questions");
  assert.equal(one(".jpar-error-toggle"), toggle);
  assert.equal(document.activeElement, toggle);
});

test("Continue runs what has no value, Retry failed only what failed", async () => {
  const { press, last, update, host } = draw({ status: "cancelled", can: ["continue", "retry"] });
  press("Retry failed");
  assert.deepEqual(last("retry"), { kind: "retry", scope: "failed", index: 0 });
  const again = [...host.querySelectorAll("button")].find((one) => one.textContent === "Continue")!;
  assert.ok(again.disabled, "one click is one try");
  update({ status: "running", ended: false, can: ["pause", "cancel"], round: 1 });
  assert.ok(again.hidden);
  update({ status: "cancelled", ended: true, can: ["continue"], round: 1 });
  assert.ok(!again.hidden && !again.disabled);
  press("Continue");
  assert.deepEqual(last("retry"), { kind: "retry", scope: "all", index: 0 });
});

test("a refused Continue says why and can be clicked again", async () => {
  const { press, model, host, one } = draw({ status: "cancelled", can: ["continue"] });
  model.answer = undefined;
  press("Continue");
  const { mid } = model.sent.at(-1)!;
  model.deliver({ kind: "reply", mid, ok: false, error: "this run is no longer in memory" });
  await frame();
  assert.equal(one(".jpar-problem").textContent, "this run is no longer in memory");
  const again = [...host.querySelectorAll("button")].find((one) => one.textContent === "Continue")!;
  assert.ok(!again.disabled);
});

test("a run that goes on can be cancelled again and is announced", () => {
  const { press, update, one, host } = draw({ status: "running", ended: false, can: ["cancel"] });
  press("Cancel");
  update({ status: "cancelled", ended: true, can: ["continue"] });
  update({ status: "running", ended: false, can: ["pause", "cancel"], round: 1 });
  const cancel = [...host.querySelectorAll("button")].find((one) => one.textContent === "Cancel");
  assert.ok(cancel && !cancel.disabled && !cancel.parentElement!.hidden);
  assert.match(one(".jpar-sr[role=status]").textContent!, /goes on/);
  update({ status: "finished", ended: true, can: [], round: 1 });
  assert.match(one(".jpar-sr[role=status]").textContent!, /finished/);
});

test("rows of an earlier round are read again though the prefix is the same", async () => {
  const { model, update } = draw();
  await frame();
  await frame();
  const before = model.kinds().filter((kind) => kind === "rows").length;
  assert.ok(before > 0);
  update({ round: 1 });
  await frame();
  assert.ok(model.kinds().filter((kind) => kind === "rows").length > before);
});
