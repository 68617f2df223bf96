import assert from "node:assert/strict";
import { test } from "node:test";
import {
  binsOf,
  duration,
  linearTicks,
  placeOn,
  plain,
  quantile,
  scaleOf,
  timeTick,
  timeTicks,
} from "../src/plot_scale.ts";

test("ticks are round numbers inside of the range, and few", () => {
  assert.deepEqual(linearTicks(0, 10, 5), [0, 2, 4, 6, 8, 10]);
  assert.deepEqual(linearTicks(-0.3, 0.31, 4), [-0.2, 0, 0.2]);
  assert.deepEqual(linearTicks(3, 3, 5), [3]);
  assert.ok(linearTicks(1e-12, 1e12, 5).length <= 11);
});

test("one value alone stands in the middle of its scale", () => {
  assert.equal(placeOn(scaleOf([7, 7], false, 5), 7), 0.5);
  assert.equal(placeOn(scaleOf([0], false, 5), 0), 0.5);
  assert.ok(Math.abs(placeOn(scaleOf([7], true, 5), 7) - 0.5) < 1e-9);
});

test("on a logarithmic scale a decade is as long as the next, and zero stands at the lower end", () => {
  const scale = scaleOf([0, 0.001, 0.1], true, 5);
  assert.ok(Math.abs(placeOn(scale, 0.01) - 0.5) < 1e-9);
  assert.equal(placeOn(scale, 0), 0);
  assert.ok(scale.ticks.includes(0.01));
});

test("a scale without values is a scale", () => {
  for (const log of [true, false]) {
    const { low, high } = scaleOf([], log, 5);
    assert.ok(low < high);
  }
});

test("each value is counted in one bin", () => {
  for (const log of [true, false]) {
    const values = [0.001, 0.002, 0.01, 0.5, 1, 1];
    const bins = binsOf(values, scaleOf(values, log, 5), 7);
    assert.equal(bins.length, 7);
    assert.equal(
      bins.reduce((sum, bin) => sum + bin.number, 0),
      values.length,
    );
    assert.equal(bins.at(-1)!.number >= 2, true);
  }
});

test("times read as the kernel writes them", () => {
  const seconds = [0, 0.00035, 0.0042, 0.012, 4.2, 12.4, 125, 3725];
  assert.deepEqual(seconds.map(duration), [
    "0 µs",
    "350 µs",
    "4.2 ms",
    "12 ms",
    "4.2 s",
    "12 s",
    "2 min 05 s",
    "1 h 02 min",
  ]);
});

test("the times on an axis have one unit, and are whole minutes where it is long", () => {
  const axis = (high: number): string[] => timeTicks(high, 5).map((tick) => timeTick(tick, high));
  assert.deepEqual(axis(0.012), ["0", "5 ms", "10 ms"]);
  assert.deepEqual(axis(2.1), ["0", "0.5 s", "1 s", "1.5 s", "2 s"]);
  assert.deepEqual(axis(95), ["0", "20 s", "40 s", "1 min", "1 min 20 s"]);
  assert.deepEqual(axis(8000), ["0", "30 min", "1 h", "1 h 30 min", "2 h"]);
});

test("numbers are short", () => {
  assert.deepEqual([0, -1234567, 9.4250001, 1e12, 2e-7, 0.1 + 0.2].map(plain), [
    "0",
    "-1,234,570",
    "9.425",
    "1e12",
    "2e-7",
    "0.3",
  ]);
});

test("quantiles are values that occur", () => {
  assert.deepEqual(
    [0, 0.5, 1].map((part) => quantile([1, 2, 3, 4], part)),
    [1, 3, 4],
  );
  assert.ok(Number.isNaN(quantile([], 0.5)));
});
