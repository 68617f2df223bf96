import assert from "node:assert/strict";
import { test } from "node:test";
import type { TimelineBody } from "../src/protocol.ts";
import { describe, lanesOf, stretchAt, summary } from "../src/timeline_lanes.ts";
import { messages } from "./fixtures.ts";

const body = messages.get("reply_timeline")!.content.body as TimelineBody;

function grid(...lanes: number[][]): TimelineBody {
  return {
    ...body,
    elapsed: 4,
    bars: [],
    running: [],
    column: 1,
    lanes: lanes.map((_, i) => [`w${i}`, 2, 100]),
    grid: lanes.map((bytes) => Buffer.from(bytes).toString("base64")),
  };
}

test("the lanes of the fixture: chunks, gaps, and what runs", () => {
  const lanes = lanesOf(body, body.bars);
  assert.deepEqual(
    lanes.map((lane) => [lane.name, lane.stretches.map(({ kind }) => kind)]),
    [
      ["loky-1", ["chunk", "idle"]],
      ["loky-2", ["chunk", "idle", "chunk", "idle"]],
      ["w6", ["idle", "running"]],
    ],
  );
  assert.deepEqual(
    lanes.map((lane) => lane.busy),
    [2 / 4, 2.5 / 4, 1 / 4],
  );
});

test("words for what the pointer is on", () => {
  const [first, second, third] = lanesOf(body, body.bars);
  assert.equal(
    describe(first!, first!.stretches[0]!),
    "loky-1: items 0–9 (10) · 2.0 s, from the start to 2.0 s",
  );
  assert.equal(
    describe(second!, second!.stretches[1]!),
    "loky-2: idle · 500 ms, from 1.50 s to 2.00 s",
  );
  assert.equal(describe(third!, third!.stretches[1]!), "w6: item 30 running · its chunk for 1.0 s");
});

test("the ends of a short stretch late in a run can be told apart", () => {
  const [lane] = lanesOf(grid([255]), []);
  const at = (begin: number, end: number): string =>
    describe(lane!, { ...lane!.stretches[0]!, begin, end });
  assert.match(at(1.08, 1.084), /from 1.0800 s to 1.0840 s$/);
  assert.match(at(125.31, 125.61), /from 125.31 s to 125.61 s$/);
  assert.match(at(125, 130), /from 2 min 05 s to 2 min 10 s$/);
});

test("the stretch at a time is the one that began before it", () => {
  const lane = lanesOf(body, body.bars)[1]!;
  assert.deepEqual(
    [0, 1.4, 1.7, 2.5, 99].map((time) => stretchAt(lane, time)),
    [0, 0, 1, 2, 3],
  );
  assert.equal(stretchAt({ ...lane, stretches: [] }, 1), -1);
});

test("of many chunks, how busy each column of time was", () => {
  const [lane] = lanesOf(grid([255, 0, 51, 255]), []);
  assert.deepEqual(
    lane!.stretches.map((stretch) => [stretch.begin, stretch.busy]),
    [
      [0, 1],
      [1, 0],
      [2, 0.2],
      [3, 1],
    ],
  );
  assert.equal(describe(lane!, lane!.stretches[2]!), "w0: 20 % busy · from 2.0 s to 3.0 s");
});

test("what runs replaces the columns since its chunk was sent", () => {
  const [lane] = lanesOf({ ...grid([255, 255, 0, 0]), running: [[0, 7, 1.5]] }, []);
  assert.deepEqual(
    lane!.stretches.map(({ kind, begin, end }) => [kind, begin, end]),
    [
      ["part", 0, 1],
      ["part", 1, 1.5],
      ["running", 1.5, 4],
    ],
  );
});

test("workers stand in the order of their numbers", () => {
  const many = {
    ...grid([0], [0]),
    lanes: [
      ["w10", 0, 1],
      ["w9", 0, 1],
    ] as TimelineBody["lanes"],
  };
  assert.deepEqual(
    lanesOf(many, []).map(({ name }) => name),
    ["w9", "w10"],
  );
});

test("the summary tells what the picture shows", () => {
  const told = (changes: Partial<TimelineBody>): string => {
    const changed = { ...body, ...changes };
    return summary(changed, lanesOf(changed, changed.bars));
  };
  assert.equal(told({ workers: 2 }), "69 % busy · 2 workers · 4.0 s · 3 chunks");
  assert.match(told({ more: true }), /reading on/);
  assert.equal(told({ others: 5 }), "8 workers · 4.0 s · 3 chunks · 5 more workers are not drawn");
  assert.equal(told({ lanes: [], running: [] }), "No chunk has been done yet.");
});
