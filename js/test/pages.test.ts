import assert from "node:assert/strict";
import { test } from "node:test";
import { Refused } from "../src/channel.ts";
import { PAGE, Pages } from "../src/pages.ts";
import type { Page, Row } from "../src/protocol.ts";

function row(index: number): Row {
  return {
    index,
    state: "success",
    item: [String(index)],
    value: ["1"],
    error: "",
    time: "1 ms",
    restored: false,
    seconds: 0.001,
  };
}

/** A kernel whose run has a finished prefix, and that answers when the test lets it. */
class Kernel {
  prefix = 0;
  values = ["value"];
  asked: number[] = [];
  refusal = "";
  #held: (() => void)[] = [];

  fetch = (start: number, stop: number): Promise<Page> => {
    this.asked.push(start);
    return new Promise((resolve, reject) => {
      this.#held.push(() => {
        if (this.refusal) return reject(new Refused(this.refusal));
        const end = Math.min(stop, this.prefix);
        const rows = Array.from({ length: Math.max(end - start, 0) }, (_, i) => row(start + i));
        resolve({ start, prefix: this.prefix, items: ["x"], values: this.values, rows });
      });
    });
  };

  async answer(): Promise<void> {
    for (const answer of this.#held.splice(0)) answer();
    await new Promise((resolve) => setImmediate(resolve));
  }
}

function setUp(prefix: number) {
  const kernel = new Kernel();
  kernel.prefix = prefix;
  let changes = 0;
  const pages = new Pages(kernel.fetch, () => changes++);
  pages.setPrefix(prefix);
  return { kernel, pages, changes: () => changes };
}

test("nothing is asked for before something is on the screen", () => {
  const { kernel } = setUp(1000);
  assert.deepEqual(kernel.asked, []);
});

test("rows on the screen come by pages and are asked for once", async () => {
  const { kernel, pages, changes } = setUp(1000);
  pages.want(90, 110);
  pages.want(91, 111);
  assert.deepEqual(kernel.asked, [0, PAGE]);
  assert.equal(pages.row(95), undefined);
  await kernel.answer();
  assert.equal(pages.row(95)?.index, 95);
  assert.equal(changes(), 2);
  pages.want(95, 115);
  assert.deepEqual(kernel.asked, [0, PAGE]);
});

test("a page that was short is asked for again when the prefix moves, not before", async () => {
  const { kernel, pages } = setUp(10);
  pages.want(0, 20);
  await kernel.answer();
  pages.want(0, 20);
  pages.setPrefix(10);
  assert.equal(kernel.asked.length, 1);
  kernel.prefix = 15;
  pages.setPrefix(15);
  assert.equal(kernel.asked.length, 2);
  await kernel.answer();
  assert.equal(pages.row(14)?.index, 14);
});

test("a prefix that moves while a page is on its way is not forgotten", async () => {
  const { kernel, pages } = setUp(10);
  pages.want(0, 20);
  pages.setPrefix(15);
  await kernel.answer(); // It answers as of 10.
  kernel.prefix = 15;
  await kernel.answer();
  assert.equal(pages.row(14)?.index, 14);
});

test("a kernel that answers with fewer rows than it promised is not asked for ever", async () => {
  const { kernel, pages } = setUp(10);
  kernel.prefix = 3;
  pages.want(0, 20);
  for (let i = 0; i < 10; i++) await kernel.answer();
  assert.equal(kernel.asked.length, 1);
});

test("a fast scroll over a million rows asks for where it stops", async () => {
  const { kernel, pages } = setUp(1_000_000);
  for (let first = 0; first < 900_000; first += 1000) pages.want(first, first + 10);
  assert.ok(kernel.asked.length <= 2);
  await kernel.answer();
  await kernel.answer();
  assert.equal(pages.row(899_000)?.index, 899_000);
  assert.ok(kernel.asked.length <= 4);
});

test("pages seen long ago are forgotten", async () => {
  const { kernel, pages } = setUp(1_000_000);
  for (let page = 0; page < 100; page++) {
    pages.want(page * PAGE, page * PAGE + 5);
    await kernel.answer();
  }
  assert.equal(pages.row(0), undefined);
  assert.equal(pages.row(99 * PAGE)?.index, 99 * PAGE);
});

test("a refusal is kept to be shown and not asked for again", async () => {
  const { kernel, pages } = setUp(10);
  kernel.refusal = "this run is no longer in memory";
  pages.want(0, 10);
  await kernel.answer();
  pages.want(0, 10);
  assert.equal(pages.refused, "this run is no longer in memory");
  assert.equal(kernel.asked.length, 1);
});

test("items that run again are read again", async () => {
  const { kernel, pages } = setUp(10);
  pages.want(0, 10);
  await kernel.answer();
  pages.setPrefix(4);
  assert.equal(pages.row(2), undefined);
  assert.equal(kernel.asked.length, 2);
});

test("value columns only grow", async () => {
  const { kernel, pages } = setUp(300);
  kernel.values = ["a", "b"];
  pages.want(0, 10);
  await kernel.answer();
  kernel.values = ["a"];
  pages.want(100, 110);
  await kernel.answer();
  assert.deepEqual(pages.values, ["a", "b"]);
});
