import { create } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectExact } from "../support/compare.js";
import { expectedSync } from "../support/expected-variants.js";
import { inputsFor } from "../support/reference.js";
import { cases, nameOf, optionsOf, type Case } from "../support/shapes.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

const small = cases.find(({ heads, kvHeads }) => heads > kvHeads) as Case;

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("attend, $variant", ({ heed }) => {
  test.each(cases.map((shape) => ({ shape, name: nameOf(shape) })))("is exact attention: $name", ({ shape }) => {
    const inputs = inputsFor(shape, 7);
    const { out, lse } = heed.attend(inputs.q, inputs.k, inputs.v, { ...optionsOf(shape), lse: true });
    expectExact(inputs, out, lse);
  });

  test("scores far beyond the range of exp give finite weights", () => {
    const inputs = inputsFor(small, 8, 30);
    expectExact(inputs, heed.attend(inputs.q, inputs.k, inputs.v, optionsOf(small)));
  });

  test("equal keys get equal weights", () => {
    const shape = { ...small, causal: false };
    const inputs = inputsFor(shape, 9);
    inputs.k.fill(0.5);
    expectExact(inputs, heed.attend(inputs.q, inputs.k, inputs.v, optionsOf(shape)));
  });

  test("denormal numbers and zeros do no harm", () => {
    const inputs = inputsFor(small, 10, 1e-39);
    inputs.k.fill(0, 0, 20);
    expectExact(inputs, heed.attend(inputs.q, inputs.k, inputs.v, optionsOf(small)));
  });

  test("rows that see no key are zeros, and so is attention without keys", () => {
    const shape = { ...small, queries: 5, keys: 3, causal: true };
    const inputs = inputsFor(shape);
    const out = heed.attend(inputs.q, inputs.k, inputs.v, optionsOf(shape));
    expect(out.subarray(0, 2 * shape.heads * shape.valueDim).every((number) => number === 0)).toBe(true);
    expectExact(inputs, out);

    const none = new Float32Array(0);
    const empty = heed.attend(inputs.q, none, none, { ...optionsOf(shape), lse: true });
    expect(empty.out.every((number) => number === 0)).toBe(true);
    expect(empty.lse.every((number) => number === -Infinity)).toBe(true);
    expect(heed.attend(none, inputs.k, inputs.v, optionsOf(shape))).toHaveLength(0);
  });

  test("a number that is not finite spoils only its own rows", () => {
    const shape = { ...small, causal: false };
    const inputs = inputsFor(shape, 11);
    const clean = heed.attend(inputs.q, inputs.k, inputs.v, optionsOf(shape));
    const spoiled = inputs.q.slice();
    const row = shape.headDim;
    spoiled[3 * row] = NaN;
    const out = heed.attend(spoiled, inputs.k, inputs.v, optionsOf(shape));
    out.forEach((number, at) => {
      if (Math.floor(at / shape.valueDim) === 3) expect(number).toBeNaN();
      else expect(number).toBe(clean[at]);
    });
  });

  test("out receives the result and is returned", () => {
    const inputs = inputsFor(small, 12);
    const plain = heed.attend(inputs.q, inputs.k, inputs.v, optionsOf(small));
    const out = new Float32Array(plain.length + 8).subarray(4, plain.length + 4);
    expect(heed.attend(inputs.q, inputs.k, inputs.v, { ...optionsOf(small), out })).toBe(out);
    expect(out).toEqual(plain);
    expect([...new Float32Array(out.buffer, 0, 4)]).toEqual([0, 0, 0, 0]);
  });

  test("defaults: kvHeads, valueDim, scale, causal, batch, layout", () => {
    const shape: Case = { ...small, heads: 2, kvHeads: 2, headDim: 6, valueDim: 6, causal: false };
    const inputs = inputsFor(shape, 13);
    const spelled = heed.attend(inputs.q, inputs.k, inputs.v, { ...optionsOf(shape), scale: 1 / Math.sqrt(6) });
    expect(heed.attend(inputs.q, inputs.k, inputs.v, { heads: 2, headDim: 6 })).toEqual(spelled);
  });

  test("results are plain arrays: not shared, and only as long as they are", () => {
    const inputs = inputsFor(small, 14);
    const out = heed.attend(inputs.q, inputs.k, inputs.v, optionsOf(small));
    expect(out.buffer).toBeInstanceOf(ArrayBuffer);
    expect(out.buffer.byteLength).toBe(out.byteLength);
  });

  test("the same call gives the same bits", () => {
    const inputs = inputsFor(small, 15);
    const first = heed.attend(inputs.q, inputs.k, inputs.v, optionsOf(small));
    expect(heed.attend(inputs.q, inputs.k, inputs.v, optionsOf(small))).toEqual(first);
  });
});
