import assert from "node:assert/strict";
import { test } from "node:test";
import { csvLine, harmless, tsvLine } from "../src/csv.ts";
import { fileName } from "../src/download.ts";

for (const text of [
  "=1+1",
  "+1+1",
  "-2+3",
  "@SUM(A1)",
  "  =1",
  "\t=1",
  "\r=1",
  "-1-1",
  "--1",
  "＝1",
  "-inf",
]) {
  test(`${JSON.stringify(text)} becomes text`, () => {
    assert.equal(harmless(text), `'${text}`);
  });
}

for (const text of ["", "1", "-3.0", "+4", "-1e-9", ".5", "-.5E+10", "a=b", "'=1'", "1-1", "x@y"]) {
  test(`${JSON.stringify(text)} stays as it is`, () => {
    assert.equal(harmless(text), text);
  });
}

test("cells of a CSV line keep commas, quotes and line ends inside", () => {
  assert.equal(
    csvLine(["a,b", 'say "x"', "two\nlines", "x"]),
    '"a,b","say ""x""","two\nlines",x\r\n',
  );
});

test("a TSV cell is one cell", () => {
  assert.equal(tsvLine(["a\tb", "c\r\nd", "=1"]), "a b\tc d\t'=1\n");
});

test("any name of a run makes a file name", () => {
  assert.equal(fileName("../../etc/<b>passwd"), "etc-b-passwd.csv");
  assert.equal(fileName("…"), "results.csv");
  assert.equal(fileName("flächen"), "flächen.csv");
});
