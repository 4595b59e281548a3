/** Windows, sinks, masks, softcap, and the ways to keep sums, in attend, scores and weights. */
import { create } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { gamma } from "../support/bounds.js";
import { expectExact, expectPrecise, expectScores } from "../support/compare.js";
import { expectError } from "../support/expect-error.js";
import { needs, sharedMemory } from "../support/engine-report.js";
import { expectedSync, inNode } from "../support/expected-variants.js";
import { Random } from "../support/random.js";
import { chosen, ruleCases } from "../support/rule-cases.js";
import { inputsFor, type Inputs } from "../support/reference.js";
import { optionsOf, scoreOptionsOf } from "../support/shapes.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

const { shape } = ruleCases.find(({ name }) => name === "chosen keys")!.inputs;
const { q, k, v } = inputsFor(shape, 64);
const options = optionsOf(shape);
const plane = shape.queries * shape.keys;

const optionsWith = (inputs: Inputs) => ({ ...optionsOf(inputs.shape), ...inputs.rules });

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("rules, $variant", ({ heed }) => {
  test.each(ruleCases)("$name: f32, compensated and f64", ({ inputs }) => {
    for (const accumulate of ["f32", "compensated", "f64"] as const) {
      const all = { ...optionsWith(inputs), accumulate, lse: true } as const;
      const { out, lse } = heed.attend(inputs.q, inputs.k, inputs.v, all);
      expectExact(inputs, out, lse);
      if (accumulate === "f64") expectPrecise(inputs, out);
    }
    expect(heed.memory().liveBytes).toBe(0);
  });

  test.each(ruleCases)("$name: scores and weights", ({ inputs }) => {
    const rules = { ...scoreOptionsOf(inputs.shape), ...inputs.rules };
    const scores = heed.scores(inputs.q, inputs.k, rules);
    expectScores(inputs, scores, heed.weights(inputs.q, inputs.k, rules));
    const { heads, queries, keys } = inputs.shape;
    const head = heads - 1;
    const size = queries * keys;
    const last = heed.scores(inputs.q, inputs.k, { ...rules, head, entry: 0 });
    expect(last).toEqual(scores.slice(head * size, heads * size));
  });

  test("masks of either kind hide alike, and like causal", () => {
    const allowed = Uint8Array.from({ length: plane }, (_, i) =>
      i % shape.keys <= Math.floor(i / shape.keys) ? 1 : 0,
    );
    const hidden = Float32Array.from(allowed, (one) => (one === 1 ? 0 : -Infinity));
    const expected = heed.attend(q, k, v, { ...options, causal: true, lse: true });
    for (const mask of [allowed, hidden]) {
      expect(heed.attend(q, k, v, { ...options, mask, lse: true, validate: true })).toEqual(expected);
    }
  });

  test("a mask for all heads is the same mask for each head", () => {
    const mask = chosen(shape, 1);
    const repeated = new Uint8Array(plane * shape.heads);
    for (let h = 0; h < shape.heads; ++h) repeated.set(mask, h * plane);
    const once = heed.attend(q, k, v, { ...options, mask });
    expect(heed.attend(q, k, v, { ...options, mask: repeated })).toEqual(once);
    // Any number but 0 shows a key.
    expect(heed.attend(q, k, v, { ...options, mask: mask.map((one) => 200 * one) })).toEqual(once);
  });

  test("a mask is copied, from wherever it lies", () => {
    const mask = chosen(shape, 1);
    const expected = heed.attend(q, k, v, { ...options, mask });
    const inside = new Uint8Array(plane + 3).fill(1);
    inside.set(mask, 3);
    expect(heed.attend(q, k, v, { ...options, mask: inside.subarray(3) })).toEqual(expected);
    expect(mask).toEqual(chosen(shape, 1));
    if (inNode) expect(heed.attend(q, k, v, { ...options, mask: Buffer.from(mask) })).toEqual(expected);
  });

  test("a mask in shared memory is copied", (test) => {
    needs(test, ...sharedMemory);
    const mask = chosen(shape, 1);
    const expected = heed.attend(q, k, v, { ...options, mask });
    const shared = new Uint8Array(new SharedArrayBuffer(plane));
    shared.set(mask);
    expect(heed.attend(q, k, v, { ...options, mask: shared })).toEqual(expected);
  });

  test("NaN in a mask spoils only its own row; validate finds it", () => {
    const mask = new Float32Array(plane);
    const clean = heed.attend(q, k, v, { ...options, mask });
    mask[5 * shape.keys + 2] = NaN;
    const out = heed.attend(q, k, v, { ...options, mask });
    out.forEach((number, at) => {
      // Head-major: (head, query, column).
      if (Math.floor(at / shape.valueDim) % shape.queries === 5) expect(number).toBeNaN();
      else expect(number).toBe(clean[at]);
    });
    const text = new RegExp(`^mask is NaN at index ${5 * shape.keys + 2};`);
    expectError("non-finite", text, () => heed.attend(q, k, v, { ...options, mask, validate: true }));
    expectError("non-finite", text, () => heed.scores(q, k, { ...scoreOptionsOf(shape), mask, validate: true }));
    expect(heed.memory().liveBytes).toBe(0);
  });

  test("what a window hides cannot spoil a row", () => {
    const rules = { ...options, causal: true, window: 20, sinks: 2 };
    const spoiled = k.slice();
    // Key 10 of the first key head; it has left the window at query 30.
    spoiled[10 * shape.headDim] = NaN;
    const [clean, out] = [heed.attend(q, k, v, rules), heed.attend(q, spoiled, v, rules)];
    for (let i = 0; i < shape.queries; ++i) {
      const row = (array: Float32Array) => array.subarray(i * shape.valueDim, (i + 1) * shape.valueDim);
      if (i >= 10 && i < 30) expect([...row(out)].every(Number.isNaN)).toBe(true);
      else expect(row(out)).toEqual(row(clean));
    }
  });

  test("tensors, with a mask from an array", () => {
    const mask = chosen(shape, shape.heads);
    const expected = heed.attend(q, k, v, { ...options, mask, accumulate: "f64" });
    const [tq, tk, tv] = [heed.tensor(q), heed.tensor(k), heed.tensor(v)];
    const out = heed.attend(tq, tk, tv, { ...options, mask, accumulate: "f64" });
    expect(out.view()).toEqual(expected);
    const view = heed.tensor(plane);
    expectError("invalid-argument", /^mask is a view into the module's memory; pass a copy/, () =>
      heed.attend(tq, tk, tv, { ...options, mask: view.view() }),
    );
    for (const tensor of [tq, tk, tv, out, view]) tensor.dispose();
  });

  test("compensated sums do not lose digits with the number of keys, f64 loses none", () => {
    // Equal scores: the mean of n numbers near 1.
    const n = 2 ** 17;
    const random = new Random(65);
    const values = Float32Array.from({ length: n }, () => 1 + random.uniform());
    const mean = values.reduce((sum, x) => sum + x / n, 0);
    const meanOf = (accumulate: "f32" | "compensated" | "f64") =>
      heed.attend(new Float32Array(1), new Float32Array(n), values, { heads: 1, headDim: 1, accumulate })[0]!;
    const errorOf = (accumulate: Parameters<typeof meanOf>[0]) => Math.abs(meanOf(accumulate) - mean);
    // A block of 96 keys in numerator and denominator, a few roundings at the end; no n.
    expect(errorOf("compensated")).toBeLessThanOrEqual(gamma(2 * 96 + 8) * mean);
    expect(errorOf("f64")).toBeLessThanOrEqual(2 ** -24 * mean);
    expect(errorOf("f32")).toBeGreaterThan(errorOf("compensated"));
    expect(meanOf("f32")).not.toBe(meanOf("f64"));
  });
});
