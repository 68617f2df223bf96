import assert from "node:assert/strict";
import { test } from "node:test";
import { decode, FULL, paint, rangeOf, stateOf } from "../src/cells.ts";
import { DEFAULTS, parseHex } from "../src/palette.ts";
import { STATES } from "../src/protocol.ts";
import { state, strip } from "./fixtures.ts";

const colors = STATES.map((name) => parseHex(DEFAULTS[name])!);
const [PENDING, RUNNING, SUCCESS, FAILURE] = [0, 1, 2, 3];
const done = (code: number): number => code | (FULL << 3);

/** The state each pixel shows, "." for a gap and "~" for a blend. */
function shown(pixels: Uint8ClampedArray): string[] {
  const names = [];
  for (let at = 0; at < pixels.length; at += 4) {
    const pixel = [...pixels.slice(at, at + 4)];
    const found = colors.findIndex((color) => color.every((value, i) => value === pixel[i]));
    names.push(found >= 0 ? STATES[found]! : pixel[3] === 0 ? "." : "~");
  }
  return names;
}

test("a strip of the kernel is read", () => {
  const cells = decode(state("running").strip);
  assert.equal(cells.items, 4);
  assert.equal(cells.size, 1);
  assert.deepEqual([...cells.codes].map(stateOf), ["success", "failure", "running", "pending"]);
});

test("a strip that has not arrived is an empty one", () => {
  assert.equal(decode(new DataView(new ArrayBuffer(0))).codes.length, 0);
});

test("the last cell ends with the items", () => {
  const cells = decode(strip([0, 0, 0], 500, 1200));
  assert.deepEqual(rangeOf(cells, 0), [0, 500]);
  assert.deepEqual(rangeOf(cells, 2), [1000, 1200]);
});

test("wide cells stand apart, narrow ones do not", () => {
  const cells = decode(strip([done(SUCCESS), done(SUCCESS)]));
  assert.deepEqual(shown(paint(cells, 12, colors)), [
    ...Array<string>(5).fill("success"),
    ".",
    ...Array<string>(6).fill("success"),
  ]);
  assert.ok(!shown(paint(cells, 8, colors)).includes("."));
});

test("every pixel belongs to its cell", () => {
  const cells = decode(strip([RUNNING, PENDING, done(SUCCESS)]));
  assert.deepEqual(shown(paint(cells, 6, colors, { gap: 9 })), [
    ...["running", "running", "pending", "pending", "success", "success"],
  ]);
});

test("one failure among two thousand cells is seen on a narrow screen", () => {
  for (const at of [0, 777, 1999]) {
    const codes = Array<number>(2000).fill(done(SUCCESS));
    codes[at] = done(FAILURE);
    const pixels = shown(paint(decode(strip(codes)), 300, colors, { least: 3 }));
    assert.equal(pixels.filter((name) => name === "failure").length, 3, String(at));
    assert.equal(pixels.length, 300);
  }
});

test("a cell that is partly done is paler than a finished one and darker than an untouched one", () => {
  const half = paint(decode(strip([SUCCESS | (15 << 3)], 100)), 1, colors)[3]!;
  assert.ok(half > colors[PENDING]![3] && half < colors[SUCCESS]![3], String(half));
});

test("nothing is drawn for nothing", () => {
  assert.equal(paint(decode(strip([])), 100, colors).some(Boolean), false);
  assert.equal(paint(decode(strip([1])), 0, colors).length, 0);
});

test("colours are read from style sheets, with and without alpha", () => {
  assert.deepEqual(parseHex(" #1a9e77 "), [26, 158, 119, 255]);
  assert.deepEqual(parseHex("#80808040"), [128, 128, 128, 64]);
  assert.equal(parseHex("rebeccapurple"), null);
});
