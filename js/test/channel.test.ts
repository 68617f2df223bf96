import assert from "node:assert/strict";
import { test } from "node:test";
import { Channel, Refused, RESEND_MS, SILENCE_MS, type Timers } from "../src/channel.ts";
import { FakeModel } from "./fake_model.ts";
import { state } from "./fixtures.ts";

class ManualTimers implements Timers {
  #now = 0;
  #next = 0;
  readonly #waiting = new Map<number, { at: number; callback: () => void }>();

  set(callback: () => void, ms: number): number {
    this.#waiting.set(++this.#next, { at: this.#now + ms, callback });
    return this.#next;
  }

  clear(timer: unknown): void {
    this.#waiting.delete(timer as number);
  }

  get count(): number {
    return this.#waiting.size;
  }

  pass(ms: number): void {
    const end = this.#now + ms;
    for (;;) {
      const due = [...this.#waiting]
        .filter(([, { at }]) => at <= end)
        .sort((a, b) => a[1].at - b[1].at)[0];
      if (!due) break;
      this.#waiting.delete(due[0]);
      this.#now = due[1].at;
      due[1].callback();
    }
    this.#now = end;
  }
}

function setUp() {
  const model = new FakeModel({ ...state("running"), key: "", reach: true });
  const timers = new ManualTimers();
  const controller = new AbortController();
  const silences: boolean[] = [];
  const channel = new Channel(model, controller.signal, (silent) => silences.push(silent), timers);
  const reply = (mid: string, rest: object): void => model.deliver({ kind: "reply", mid, ...rest });
  return { model, timers, controller, channel, silences, reply };
}

test("a request is sent again until it is answered, always with the same id", async () => {
  const { model, timers, channel, reply } = setUp();
  const answer = channel.ask({ kind: "pause" });
  timers.pass(3 * RESEND_MS);
  assert.equal(model.sent.length, 4);
  assert.equal(new Set(model.sent.map((request) => request.mid)).size, 1);
  reply(model.sent[0]!.mid, { ok: true, body: { fine: 1 } });
  assert.deepEqual(await answer, { fine: 1 });
  timers.pass(60_000);
  assert.equal(model.sent.length, 4);
  assert.equal(timers.count, 0);
});

test("requests have ids of their own, also in another view of the same run", () => {
  const { model, timers, controller, channel } = setUp();
  const other = new Channel(model, controller.signal, () => {}, timers);
  void channel.ask({ kind: "pause" });
  void channel.ask({ kind: "resume" });
  void other.ask({ kind: "pause" });
  assert.equal(new Set(model.sent.map((request) => request.mid)).size, 3);
  for (const { mid } of model.sent) assert.ok(mid.length <= 64);
});

test("a refusal ends the request with the kernel's words", async () => {
  const { model, channel, reply } = setUp();
  const answer = channel.ask({ kind: "detach" });
  reply(model.sent[0]!.mid, { ok: false, error: "no" });
  await assert.rejects(answer, (error) => error instanceof Refused && error.message === "no");
});

test("answers to somebody else are nothing to us", () => {
  const { timers, channel, reply, model } = setUp();
  void channel.ask({ kind: "pause" });
  reply("another", { ok: true, body: {} });
  timers.pass(RESEND_MS);
  assert.equal(model.sent.length, 2);
});

test("a long silence is told once, and its end", () => {
  const { timers, channel, reply, model, silences } = setUp();
  void channel.ask({ kind: "pause" });
  timers.pass(SILENCE_MS - RESEND_MS);
  assert.deepEqual(silences, []);
  timers.pass(60_000);
  assert.deepEqual(silences, [true]);
  reply(model.sent[0]!.mid, { ok: true, body: {} });
  assert.deepEqual(silences, [true, false]);
});

test("a blocked kernel does not find a pile of copies", () => {
  const { timers, channel, model } = setUp();
  void channel.ask({ kind: "pause" });
  timers.pass(10 * 60_000);
  assert.ok(model.sent.length < 350, String(model.sent.length));
});

test("the end of the view ends every request and every listener", () => {
  const { timers, channel, model, controller } = setUp();
  void channel.ask({ kind: "pause" });
  void channel.ask({ kind: "rows", start: 0, stop: 1 });
  controller.abort();
  assert.equal(timers.count, 0);
  assert.equal(model.listeners, 0);
});

test("a request nobody waits for any more is not sent again", () => {
  const { timers, channel, model } = setUp();
  const asking = new AbortController();
  void channel.ask({ kind: "span", start: 0, stop: 1 }, asking.signal);
  asking.abort();
  timers.pass(60_000);
  assert.equal(model.sent.length, 1);
});
