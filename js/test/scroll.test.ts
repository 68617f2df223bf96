import assert from "node:assert/strict";
import { test } from "node:test";
import {
  bodyHeight,
  firstAt,
  isScaled,
  lastFirst,
  ROW_PX,
  TALLEST_PX,
  topOf,
} from "../src/scroll.ts";

for (const rows of [1, 100, 272_000, 1_000_000, 50_000_000]) {
  const extent = { rows, height: 10.5 * ROW_PX };

  test(`${rows} rows are no taller than a browser takes`, () => {
    assert.ok(bodyHeight(rows) <= TALLEST_PX);
  });

  test(`the bar reaches the first and the last of ${rows} rows`, () => {
    assert.equal(firstAt(0, extent), 0);
    const lowest = Math.max(bodyHeight(rows) - extent.height, 0);
    assert.ok(Math.abs(firstAt(lowest, extent) - lastFirst(extent)) < 1e-6);
  });

  test(`a row of ${rows} stays where the bar was put for it`, () => {
    for (const part of [0, 0.1, 0.5, 0.999, 1]) {
      const first = part * lastFirst(extent);
      assert.ok(Math.abs(firstAt(topOf(first, extent), extent) - first) < 1e-6);
    }
  });
}

test("a bar is scaled only when it must be", () => {
  assert.equal(isScaled(100_000), false);
  assert.equal(isScaled(1_000_000), true);
});

test("rows that all fit have nowhere to scroll to", () => {
  assert.equal(lastFirst({ rows: 3, height: 10 * ROW_PX }), 0);
});
