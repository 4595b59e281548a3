// The judge of decoding: an independent implementation is right, and what is wrong is seen.

import assert from "node:assert/strict";
import test from "node:test";

import { open as openPlain } from "../peers/plain_javascript.mjs";
import { attentionInputs, exchangeAxes, inputsOf } from "./inputs.mjs";
import { judgeDecode } from "./reference_decode.mjs";

const shape = { n: 96, heads: 2, headDim: 16, queries: 3, dtype: "f32" };
const inputs = attentionInputs(shape);
const row = shape.heads * shape.headDim;

/** Full attention of all rows by plain JavaScript; the first rows are the tokens. */
async function plainAnswers() {
  const { n, heads, headDim } = shape;
  const candidate = await openPlain();
  const turned = Object.entries(inputs).map(([name, x]) => [name, exchangeAxes(x, n, heads, headDim)]);
  candidate.prepare({ ...shape, causal: false }, Object.fromEntries(turned));
  const out = exchangeAxes(candidate.call(), heads, n, headDim);
  return Array.from({ length: shape.queries }, (_, i) => out.slice(i * row, (i + 1) * row));
}

test("exact answers are right, a changed number, zeros and another type are not", async () => {
  const answers = await plainAnswers();
  const { verdict, again } = judgeDecode(shape, inputs, answers);
  assert.ok(verdict.right);
  assert.ok(again(answers).right);
  const changed = answers.map((one) => one.slice());
  changed[2][row - 1] += 1e-3;
  assert.equal(judgeDecode(shape, inputs, changed).verdict.right, false);
  assert.equal(again(changed).right, false);
  const zeros = answers.map((one) => one.map(() => 0));
  for (const dtype of ["f32", "f16", "int8"]) {
    assert.equal(judgeDecode({ ...shape, dtype }, inputs, zeros).verdict.right, false);
    // Exact attention over numbers that were not rounded is not what such a cache gives.
    if (dtype === "f16") assert.equal(judgeDecode({ ...shape, dtype }, inputs, answers).verdict.right, false);
  }
});

test("a set that is not the best is refused, unless the search is approximate", async () => {
  const answers = await plainAnswers();
  const k = shape.n;
  const all = Uint32Array.from({ length: shape.heads * k }, (_, i) => i % k);
  const offsets = Uint32Array.from({ length: shape.heads + 1 }, (_, i) => i * k);
  const wanted = { ...shape, k, estimator: "renormalized" };
  const kept = answers.map((out) => ({ out, indices: all, offsets }));
  const judged = judgeDecode(wanted, inputs, kept);
  assert.ok(judged.verdict.right);
  assert.ok(judged.off < 1e-6);
  const few = kept.map(({ out }) => ({ out, indices: all.map((key) => key % 4), offsets: offsets.map((x) => x / 24) }));
  assert.equal(judgeDecode({ ...wanted, k: 4 }, inputs, few).verdict.right, false);
  assert.ok(judgeDecode({ ...wanted, k: 4, approximate: true, approximateSet: true }, inputs, few).verdict.right);
});

test("recorded rows are repeated to the length of a cache", async () => {
  const { q, k } = await inputsOf({ data: "layer-3", n: 4100, heads: 8, headDim: 64, queries: 2 });
  assert.equal(q.length, 2 * 512);
  assert.equal(k.length, 4100 * 512);
  assert.deepEqual(k.slice(2048 * 512, 2049 * 512), k.slice(0, 512));
});
