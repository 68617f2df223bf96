import assert from "node:assert/strict";
import { test } from "node:test";
import { Columns } from "../src/columns.ts";
import type { Row } from "../src/protocol.ts";

function row(item: string[], value: string[], error = ""): Row {
  return {
    index: 0,
    state: "success",
    item,
    value,
    error,
    time: "",
    seconds: null,
    restored: false,
  };
}

test("columns grow with their texts and never shrink", () => {
  const columns = new Columns();
  columns.name(["x"], ["value"]);
  assert.equal(columns.fit(row(["1234567890"], ["1"])), true);
  const wide = columns.template;
  assert.equal(columns.fit(row(["1"], ["1"])), false);
  assert.equal(columns.template, wide);
});

test("one endless text does not take the whole table", () => {
  const columns = new Columns();
  columns.name(["x"], ["value"]);
  columns.fit(row(["x".repeat(10_000)], ["y".repeat(10_000)]));
  const widths = [...columns.template.matchAll(/(\d+)ch/g)].map((match) => Number(match[1]));
  assert.ok(Math.max(...widths) <= 40, columns.template);
  assert.match(columns.template, /1fr/);
});

test("an error finds room across the value columns", () => {
  const columns = new Columns();
  columns.name(["x"], ["a", "b"]);
  columns.fit(row(["1"], [], "ValueError: something long"));
  const widths = [...columns.template.matchAll(/, (\d+)ch/g)].map((match) => Number(match[1]));
  assert.ok(widths[1]! + widths[2]! >= "ValueError: something long".length, columns.template);
});

test("names are taken once", () => {
  const columns = new Columns();
  assert.equal(columns.name(["x"], ["value"]), true);
  assert.equal(columns.name(["x"], ["value"]), false);
  assert.equal(columns.name(["x"], ["value", "more"]), true);
  assert.equal(columns.count, 3);
});
