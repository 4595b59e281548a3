// The parts of the benchmark that decide what counts: a wrong answer must be seen, a broken budget must be said.
//
//   node --test bench/harness/harness.test.mjs

import assert from "node:assert/strict";
import test from "node:test";

import { open as openPlain } from "../peers/plain_javascript.mjs";
import { judgeResults, judgeSizes } from "./budgets.mjs";
import { createHost } from "./host.mjs";
import { attentionInputs, exchangeAxes } from "./inputs.mjs";
import { readOptions } from "./options.mjs";
import { judgeAttention } from "./reference.mjs";
import { judgeTopK } from "./reference_top_k.mjs";
import { tableMarkdown } from "./report.mjs";
import { attentionFlops } from "./work.mjs";
import { quantile, summarize } from "./stats.mjs";
import { compareRows } from "./table.mjs";
import { takeTurns } from "./turns.mjs";
import { loops } from "./wasm_loops.mjs";

const shape = { n: 96, heads: 2, headDim: 16, causal: false };

async function plainAnswer(wanted) {
  const inputs = attentionInputs(wanted);
  const candidate = await openPlain();
  const { n, heads, headDim } = wanted;
  candidate.prepare(
    wanted,
    Object.fromEntries(Object.entries(inputs).map(([name, x]) => [name, exchangeAxes(x, n, heads, headDim)])),
  );
  return { inputs, answer: candidate.call() };
}

for (const causal of [false, true]) {
  test(`an independent implementation is right (${causal ? "causal" : "full"}), a changed number is not`, async () => {
    const wanted = { ...shape, causal };
    const { inputs, answer } = await plainAnswer(wanted);
    const verdict = judgeAttention(wanted, inputs, "head-major", answer);
    assert.ok(verdict.right);
    assert.ok(verdict.error < 1e-6);
    // The last row is always looked at.
    answer[answer.length - 1] += 1e-3;
    assert.equal(judgeAttention(wanted, inputs, "head-major", answer).right, false);
  });
}

test("zeros, a short answer and NaN are wrong", async () => {
  const { inputs, answer } = await plainAnswer(shape);
  const zeros = new Float32Array(answer.length);
  assert.equal(judgeAttention(shape, inputs, "head-major", zeros).right, false);
  assert.equal(judgeAttention(shape, inputs, "head-major", answer.subarray(1)).right, false);
  answer[40] = NaN;
  assert.equal(judgeAttention(shape, inputs, "head-major", answer).right, false);
});

test("zeros are wrong at n = 65536 too, where values average to almost nothing", () => {
  const long = { n: 65536, heads: 1, headDim: 4, causal: false };
  const zeros = new Float32Array(long.n * long.headDim);
  assert.equal(judgeAttention(long, attentionInputs(long), "token-major", zeros).right, false);
});

test("keeping all keys is judged as exact attention, and a set that is not the best is refused", async () => {
  const { inputs, answer } = await plainAnswer(shape);
  const { n, heads, headDim } = shape;
  const out = exchangeAxes(answer, heads, n, headDim);
  const all = Uint32Array.from({ length: n * heads * n }, (_, i) => i % n);
  const offsets = Uint32Array.from({ length: n * heads + 1 }, (_, i) => i * n);
  const wanted = { ...shape, k: n, estimator: "renormalized" };
  assert.ok(judgeTopK(wanted, inputs, { out, indices: all, offsets }).right);
  const first = { out, indices: all.map((key) => key % 4), offsets: offsets.map((place) => place / 24) };
  assert.equal(judgeTopK({ ...wanted, k: 4 }, inputs, first).right, false);
});

test("quartiles lie between the numbers", () => {
  assert.equal(quantile([4, 1, 3, 2], 0.5), 2.5);
  assert.deepEqual(summarize([3, 1, 2]), { median: 2, p25: 1.5, p75: 2.5, least: 1, most: 3, samples: 3 });
});

test("causal attention is half the flops and the diagonal", () => {
  assert.equal(attentionFlops({ ...shape, causal: true }) * 2, attentionFlops(shape) + 4 * 16 * 2 * 96);
});

test("the loops compute what they say", { skip: !hasRelaxedSimd() }, () => {
  for (const [name, { bytes, build }] of Object.entries(loops).filter(([loop]) => !/256|64 MB/.test(loop))) {
    const pages = Math.ceil(bytes / 65536) + 1;
    const memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true });
    new Float32Array(memory.buffer).fill(0.5);
    const loop = build({ memory, base: 0, share: bytes });
    const sum = loop.run();
    assert.ok(loop.right(sum), `${name} gave ${sum}`);
    assert.equal(loop.right(sum + 1), false);
  }
});

/** Node hid it behind a flag before. */
function hasRelaxedSimd() {
  return Number(process.versions.node.split(".")[0]) >= 22;
}

/** An engine whose candidates live in this process. */
const inProcess = {
  entry: (name) => name,
  async open({ module }) {
    const handle = createHost();
    const ask = async (kind, content = {}) => {
      const { reply, failure } = await handle({ kind, content });
      if (failure !== undefined) throw new Error(failure);
      return reply;
    };
    const address = new URL(`../${module}`, import.meta.url).href;
    return { ask, open: (options) => ask("open", { module: address, options }), close: () => ask("close") };
  },
};

const answersZeros = `export const open = async () => ({
  layout: "head-major",
  prepare() {},
  call: () => new Float32Array(3072),
});`;
const falsified = `data:text/javascript,${encodeURIComponent(answersZeros)}`;

test("a wrong answer and a failure become rows without a time, and the others are timed", async () => {
  const entry = (name, module) => ({ name, kind: "peer", module, options: { threads: 1 } });
  const engine = {
    ...inProcess,
    open: (each) =>
      each.module.startsWith("data:")
        ? inProcess.open({ module: "peers/plain_javascript.mjs" }).then((session) => ({
            ...session,
            open: (options) => session.ask("open", { module: each.module, options }),
          }))
        : inProcess.open(each),
  };
  const effort = { budget: 50, least: 2, most: 4, warm: 1 };
  const { rows } = await takeTurns(
    engine,
    { ...shape, task: "attend", flops: attentionFlops(shape) },
    [
      entry("plain", "peers/plain_javascript.mjs"),
      entry("zeros", falsified),
      entry("absent", "peers/absent.mjs"),
      { ...entry("slow", "peers/plain_javascript.mjs"), notTried: "too slow" },
    ],
    effort,
  );
  assert.deepEqual(
    rows.map(({ verdict }) => verdict),
    ["right", "wrong", "failed", "not tried"],
  );
  assert.ok(rows[0].milliseconds.samples >= 2 && rows[0].gflops > 0);
  assert.ok(rows.slice(1).every(({ milliseconds }) => milliseconds === undefined));
  const markdown = tableMarkdown({ suite: "exact", engineTitle: "here", title: "a test", rows });
  assert.match(markdown, /\| zeros \|.*\*\*wrong\*\*/);
  assert.match(markdown, /\| slow \|.*\*\*not tried\*\*: too slow/);
});

const row = (candidate, kind, median, more = {}) => ({
  ...{ candidate, kind, threads: 1, verdict: "right", gflops: 100 / median, milliseconds: { median } },
  ...more,
});

test("shares and ratios are taken between rows with as many threads", () => {
  const rows = compareRows([
    row("heed", "heed", 4),
    row("loop", "ceiling", 2),
    row("peer", "peer", 10),
    row("loop", "ceiling", 1, { threads: 2 }),
  ]);
  assert.equal(rows[0].shareOfPeak, 0.5);
  assert.equal(rows[2].heedFaster, 2.5);
});

test("a budget is kept, broken or open, and says why", () => {
  const budget = { what: "over the peer", suite: "exact", engines: ["node"], shapes: ["s"], measure: "milliseconds" };
  const one = { ...budget, of: { candidate: "heed", threads: 1 }, to: { kind: "peer", threads: 1 }, atMost: 0.5 };
  const against = (...rows) =>
    judgeResults({ ratios: [one], limits: [] }, [{ suite: "exact", engine: "node", shape: { name: "s" }, rows }])[0];
  assert.equal(against(row("heed", "heed", 4), row("peer", "peer", 10)).kind, "kept");
  const broken = against(row("heed", "heed", 6), row("peer", "peer", 10), row("slower", "peer", 20));
  assert.equal(broken.kind, "broken");
  assert.match(broken.text, /exact s, node: over the peer: 0\.600, at most 0\.5 \(heed x1 over peer x1\)/);
  const failed = { verdict: "failed", reason: "it did", milliseconds: undefined, gflops: undefined };
  assert.equal(against(row("heed", "heed", 4, failed), row("peer", "peer", 10)).kind, "broken");
  assert.equal(against(row("heed", "heed", 4), row("peer", "peer", 10, failed)).kind, "open");
  assert.equal(judgeResults({ ratios: [one], limits: [] }, [])[0].kind, "open");
});

test("a size over its budget is broken, and so is a file that is not there", () => {
  const budgets = { compressed: [{ file: "a*", method: "gzip", atMost: 10 }] };
  const kindOf = (files, bytes) => judgeSizes(budgets, { filesNamed: () => files, sizeOf: () => bytes })[0].kind;
  assert.equal(kindOf(["a1"], 10), "kept");
  assert.equal(kindOf(["a1"], 11), "broken");
  assert.equal(kindOf([], 0), "broken");
});

test("a misspelled option is refused by name", () => {
  assert.throws(() => readOptions(["--quik"]), /"--quik" is no option/);
  assert.throws(() => readOptions(["--only=exacts"]), /--only is "exacts"; use some of exact/);
  assert.throws(() => readOptions(["--threads=0"]), /--threads is "0"/);
  assert.deepEqual(readOptions(["--only=scaling"]).engines, ["node"]);
});
