import "./browser.ts";
import assert from "node:assert/strict";
import { test } from "node:test";
import { Poll, type Clock } from "../src/plot_poll.ts";

/** A clock that the test turns. */
class Hand implements Clock {
  time = 0;
  timers: { at: number; callback: () => void }[] = [];
  now = (): number => this.time;
  set = (callback: () => void, ms: number): unknown => {
    const timer = { at: this.time + ms, callback };
    this.timers.push(timer);
    return timer;
  };
  clear = (timer: unknown): void => {
    this.timers = this.timers.filter((one) => one !== timer);
  };
  turn(ms: number): void {
    this.time += ms;
    const due = this.timers.filter(({ at }) => at <= this.time);
    this.timers = this.timers.filter(({ at }) => at > this.time);
    for (const { callback } of due) callback();
  }
}

function setUp({ more = 0, slow = 0 } = {}) {
  const clock = new Hand();
  const element = document.createElement("div");
  const controller = new AbortController();
  let asked = 0;
  const poll = new Poll(
    element,
    controller.signal,
    async () => {
      asked++;
      clock.time += slow;
      return asked <= more;
    },
    2000,
    clock,
  );
  const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
  return { clock, element, controller, poll, settle, asked: () => asked };
}

test("a panel that is closed asks nothing", async () => {
  const { element, poll, settle, asked } = setUp();
  element.hidden = true;
  poll.changed();
  await settle();
  assert.equal(asked(), 0);
  element.hidden = false;
  poll.opened();
  await settle();
  assert.equal(asked(), 1);
});

test("changes are asked for after a pause, once", async () => {
  const { clock, poll, settle, asked } = setUp();
  poll.opened();
  await settle();
  for (let i = 0; i < 10; i++) poll.changed();
  await settle();
  assert.equal(asked(), 1);
  clock.turn(2000);
  await settle();
  assert.equal(asked(), 2);
});

test("a run that does not change is not asked again", async () => {
  const { clock, poll, settle, asked } = setUp();
  poll.opened();
  await settle();
  clock.turn(60_000);
  await settle();
  assert.equal(asked(), 1);
});

test("the rest of an answer is asked for at once", async () => {
  const { poll, settle, asked } = setUp({ more: 3 });
  poll.opened();
  await settle();
  assert.equal(asked(), 4);
});

test("a slow kernel gets a long pause", async () => {
  const { clock, poll, settle, asked } = setUp({ slow: 1000 });
  poll.opened();
  await settle();
  poll.changed();
  clock.turn(19_000);
  await settle();
  assert.equal(asked(), 1);
  clock.turn(1000);
  await settle();
  assert.equal(asked(), 2);
});

test("what somebody chooses is asked for at once", async () => {
  const { poll, settle, asked } = setUp();
  poll.opened();
  await settle();
  poll.hurry();
  await settle();
  assert.equal(asked(), 2);
});

test("nothing is left when the view ends", async () => {
  const { clock, controller, poll, settle, asked } = setUp();
  poll.opened();
  await settle();
  controller.abort();
  poll.hurry();
  await settle();
  assert.equal(asked(), 1);
  assert.equal(clock.timers.length, 0);
});
