// Work by definition, intervals, the clock's step, and the plain candidates that the lab's page measures beside heed.

import assert from "node:assert/strict";
import test from "node:test";

import * as plainDecode from "../peers/plain_decode.mjs";
import * as plainTopK from "../peers/plain_top_k.mjs";
import { timerStep } from "./candidates/timer_step.mjs";
import { createHost } from "./host.mjs";
import { gaussian } from "./inputs.mjs";
import { median, medianInterval } from "./stats.mjs";
import { takeTurns } from "./turns.mjs";
import { workOf } from "./work.mjs";

const shape = { n: 64, heads: 2, headDim: 16, causal: false };

test("keeping every key is the work of exact attention, causal or not", () => {
  for (const causal of [false, true]) {
    const exact = workOf({ ...shape, causal, task: "attend" });
    assert.deepEqual(workOf({ ...shape, causal, task: "top-k", k: 64 }), exact);
    assert.ok(workOf({ ...shape, causal, task: "top-k", k: 8 }).flops < exact.flops);
  }
});

test("the kept pairs of causal rows are counted one by one", () => {
  const k = 5;
  let pairs = 0;
  for (let i = 0; i < shape.n; ++i) pairs += i + 1 + Math.min(k, i + 1);
  assert.equal(workOf({ ...shape, causal: true, task: "top-k", k }).flops, 2 * 16 * 2 * pairs);
});

test("decoding reads each key and value once, in the bytes of its type", () => {
  const work = workOf({ ...shape, task: "decode", dtype: "f16" });
  assert.equal(work.flops, 4 * 64 * 16 * 2);
  assert.equal(work.bytes, 2 * 64 * 16 * 2 * 2 + 2 * 16 * 8);
  assert.equal(workOf({ ...shape, task: "decode", k: 4 }).flops, 2 * 16 * 2 * 68);
});

test("the interval holds the median, repeats itself, and narrows with more numbers", () => {
  const few = [...gaussian(9, 3)];
  const many = [...gaussian(400, 3)];
  for (const numbers of [few, many]) {
    const [low, high] = medianInterval(numbers);
    assert.ok(low <= median(numbers) && median(numbers) <= high);
    assert.deepEqual(medianInterval(numbers), [low, high]);
  }
  const width = ([low, high]) => high - low;
  assert.ok(width(medianInterval(many)) < width(medianInterval(few)) / 2);
  assert.deepEqual(medianInterval([4]), [4, 4]);
});

test("in 95 of 100 the interval holds the true median", () => {
  const held = Array.from({ length: 200 }, (_, seed) => {
    const [low, high] = medianInterval([...gaussian(25, seed + 1)]);
    return low <= 0 && 0 <= high;
  }).filter(Boolean).length;
  assert.ok(held >= 176 && held <= 200, `${held} of 200`);
});

test("the step of a clock is its smallest advance", () => {
  let calls = 0;
  // A clock that stands still for seven readings, and once jumps.
  const now = () => Math.floor(++calls / 7) * 0.25 + (calls > 20 ? 3 : 0);
  assert.equal(timerStep(now), 0.25);
});

async function judged(module, wanted) {
  const handle = createHost({ load: async () => module });
  await handle({ kind: "open", content: { module: "plain", options: {} } });
  const { reply, failure } = await handle({ kind: "prepare", content: wanted });
  assert.equal(failure, undefined);
  return reply;
}

test("the plain candidates are right, and one that keeps the wrong keys is not", async () => {
  for (const causal of [false, true]) {
    const wanted = { ...shape, causal, task: "top-k", k: 8, estimator: "renormalized" };
    assert.equal((await judged(plainTopK, wanted)).right, true);
  }
  const decode = { ...shape, task: "decode", data: "gaussian", queries: 3 };
  assert.equal((await judged(plainDecode, decode)).right, true);
  const kept = { ...decode, k: 8, estimator: "renormalized" };
  assert.equal((await judged(plainDecode, kept)).right, true);
  const first = {
    open: async () => {
      const candidate = await plainDecode.open();
      const indices = Uint32Array.from({ length: 16 }, (_, i) => i % 8);
      return { ...candidate, explain: (i, out) => ({ out, indices, offsets: Uint32Array.of(0, 8, 16) }) };
    },
  };
  assert.equal((await judged(first, kept)).right, false);
});

test("a run that is aborted ends with the reason, and closes everybody", async () => {
  const abort = new AbortController();
  let open = 0;
  const engine = {
    entry: (name) => name,
    async open() {
      ++open;
      const handle = createHost({ load: async () => plainDecode });
      const ask = async (kind, content = {}) => (await handle({ kind, content })).reply;
      return { ask, open: (options) => ask("open", { module: "plain", options }), close: async () => --open };
    },
  };
  const entries = [{ name: "plain", kind: "peer", module: "plain", options: { threads: 1 } }];
  const wanted = { ...shape, task: "decode", data: "gaussian", queries: 2 };
  const effort = { budget: 200, least: 3, most: 9, warm: 1, sample: 1 };
  const shown = [];
  const show = (rows) => {
    shown.push(rows);
    if (rows[0].milliseconds?.samples === 2) abort.abort(new Error("enough"));
  };
  const running = takeTurns(engine, wanted, entries, effort, undefined, { signal: abort.signal, show });
  await assert.rejects(running, /enough/);
  assert.equal(shown.at(-1)[0].milliseconds.samples, 2);
  assert.equal(open, 0);
});
