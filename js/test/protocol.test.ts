import assert from "node:assert/strict";
import { test } from "node:test";
import { asReply, type Ask } from "../src/protocol.ts";
import { messages } from "./fixtures.ts";

/** What views ask for, one of each kind; the compiler holds them to the types. */
const asks: Record<string, Ask> = {
  pause: { kind: "pause" },
  resume: { kind: "resume" },
  cancel_now: { kind: "cancel", policy: "all" },
  cancel_later: { kind: "cancel", policy: "pending" },
  detach: { kind: "detach" },
  rows: { kind: "rows", start: 100, stop: 200 },
  span: { kind: "span", start: 500, stop: 1000 },
  find: { kind: "find", text: "radius", failed: true, start: 0 },
  log: { kind: "log", index: 12 },
  errors: { kind: "errors" },
  failure: { kind: "failure", index: 12 },
  retry_all: { kind: "retry", scope: "all", index: 0 },
  retry_failed: { kind: "retry", scope: "failed", index: 0 },
  retry_group: { kind: "retry", scope: "group", index: 12 },
  retry_item: { kind: "retry", scope: "item", index: 12 },
  timeline: { kind: "timeline", start: 1 },
  points: { kind: "points", start: 0, stop: 4, step: 1, x: 1, y: "area" },
};

test("the kernel is asked in the words of the fixtures", () => {
  const good = [...messages].filter(([, message]) => message.to === "kernel" && message.valid);
  assert.deepEqual(
    Object.fromEntries(good.map(([name, { content }]) => [name, content])),
    Object.fromEntries(
      good.map(([name, { content }]) => [name, { ...asks[name], mid: content.mid }]),
    ),
  );
  assert.deepEqual(good.map(([name]) => name).sort(), Object.keys(asks).sort());
});

test("replies of the kernel are read", () => {
  const replies = [...messages].filter(([, message]) => message.to === "browser");
  assert.ok(replies.length >= 3);
  for (const [name, { content }] of replies) assert.deepEqual(asReply(content), content, name);
});

for (const content of [
  null,
  7,
  "x",
  [],
  {},
  { kind: "reply" },
  { kind: "rows", mid: "a" },
  { mid: 1 },
]) {
  test(`${JSON.stringify(content)} is no reply`, () => {
    assert.equal(asReply(content), null);
  });
}
