// The measuring side, the same in a Node process, in a page and in a page's worker: it holds one candidate and does
// what the driver tells it, one message at a time.
//
//   open     loads the candidate                             -> what was loaded
//   prepare  makes the inputs, calls once, judges the answer -> error, bound, time of the first call
//   warm     calls until the engine has optimized the code   -> milliseconds of a call
//   sample   `before` untimed calls, then a timed batch      -> milliseconds of a call
//   finish   judges the answer of the last timed call        -> error, bound, memory
//   measure  what only the candidate itself can time         -> numbers by name
//
// A candidate's module exports `open(options, { load })`, which returns { info, layout, prepare(shape, inputs), call(),
// ... }. `load` imports what an address of the driver means: a bundler's page has no addresses, and brings its own.

import { exchangeAxes, inputsOf } from "./inputs.mjs";
import { judgeAttention } from "./reference.mjs";
import { judgeDecode } from "./reference_decode.mjs";
import { judgeTopK } from "./reference_top_k.mjs";

export function createHost({ load = (address) => import(address), ...tools } = {}) {
  let candidate;
  let shape;
  let inputs;
  let last;
  let judgeAgain;

  /** One call for each query; what it answered, with what it kept where it says so. */
  async function decodeAll() {
    const answers = [];
    for (let i = 0; i < shape.queries; ++i) {
      candidate.select(i);
      const answer = candidate.read(await candidate.call());
      answers.push(shape.k === undefined ? answer : candidate.explain(i, answer));
    }
    return answers;
  }

  async function judgeDecoding() {
    if (judgeAgain) return judgeAgain(await decodeAll());
    const { verdict, off, again } = judgeDecode(shape, inputs, await decodeAll());
    judgeAgain = again;
    // They may be half a gigabyte, and every candidate of a table has its own.
    inputs = undefined;
    return { ...verdict, off };
  }

  async function judge() {
    if (shape.task === "loop") {
      return { right: candidate.right(last), error: 0, bound: 0 };
    }
    if (shape.task === "decode") {
      const { error, bound, right, off } = await judgeDecoding();
      return { error, bound, right, off };
    }
    // Judged by the project's tests; here only its time is of interest.
    if (shape.task === "upkeep") return { right: true, error: 0, bound: 0 };
    if (shape.task === "top-k") {
      const { error, bound, right } = judgeTopK(shape, inputs, await candidate.explain(last));
      return { error, bound, right };
    }
    const answer = candidate.read ? candidate.read(last) : last;
    const { error, bound, right } = judgeAttention(shape, inputs, candidate.layout, answer);
    return { error, bound, right };
  }

  /** Milliseconds of `count` calls, one after the other. */
  async function time(count) {
    const start = performance.now();
    for (let i = 0; i < count; ++i) {
      const result = candidate.call();
      last = result instanceof Promise ? await result : result;
    }
    return performance.now() - start;
  }

  const answers = {
    async open({ module, options }) {
      const { open } = await load(module);
      candidate = await open(options, { load, ...tools });
      return candidate.info ?? {};
    },
    async prepare(wanted) {
      shape = wanted;
      if (shape.task === "loop") {
        await candidate.prepare(shape);
      } else {
        inputs = await inputsOf(shape);
        await candidate.prepare(shape, inLayout(inputs, shape, candidate.layout));
      }
      // The cache is what is kept between calls.
      if (shape.task === "upkeep") inputs = undefined;
      const first = await time(1);
      return { first, work: candidate.work?.(), note: candidate.note?.(last), ...(await judge()) };
    },
    async warm({ calls, milliseconds }) {
      let spent = 0;
      let shortest = Infinity;
      for (let i = 0; i < calls || spent < milliseconds; ++i) {
        const each = await time(1);
        spent += each;
        shortest = Math.min(shortest, each);
        // One call this long has warmed whatever can be warmed.
        if (each > 2000) break;
      }
      return { shortest };
    },
    async sample({ before, batch }) {
      await time(before);
      return { each: (await time(batch)) / batch };
    },
    async finish() {
      return { ...(await judge()), memory: candidate.memory?.() };
    },
    measure: () => candidate.measure(),
    async close() {
      await candidate?.close?.();
      candidate = inputs = last = undefined;
      return {};
    },
  };

  /** Answers one message; a failure becomes a reply too, because the run goes on. */
  return async function handle({ kind, content }) {
    try {
      return { reply: await answers[kind](content) };
    } catch (error) {
      return { failure: String(error?.message ?? error).slice(0, 300) };
    }
  };
}

/** Copies in the layout that the candidate takes: turning axes is not what is measured. */
function inLayout(inputs, { heads, headDim }, layout) {
  if (layout !== "head-major") return inputs;
  return Object.fromEntries(
    Object.entries(inputs).map(([name, numbers]) => [
      name,
      exchangeAxes(numbers, numbers.length / heads / headDim, heads, headDim),
    ]),
  );
}
