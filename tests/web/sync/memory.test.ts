import { create } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectedSync } from "../support/expected-variants.js";
import { inputsFor } from "../support/reference.js";
import { cases, optionsOf, scoreOptionsOf, type Case } from "../support/shapes.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant, studies: true })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

const shape = cases.find(({ heads, kvHeads }) => heads > kvHeads) as Case;
const { q, k, v } = inputsFor(shape, 61);

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("memory, $variant", ({ heed }) => {
  test("nothing is held after a thousand calls, and the memory does not grow with them", () => {
    const round = () => {
      heed.attend(q, k, v, { ...optionsOf(shape), lse: true });
      heed.attendTopK(q, k, v, { ...optionsOf(shape), keep: { k: 6 }, indices: true });
      heed.weights(q, k, { ...scoreOptionsOf(shape), head: 0 });
      heed.selectTopK(q, 10);
      for (const _ of heed.simulate("E1", { n: [32], d: 8, epsilon: [0.01] }));
    };
    round();
    const { totalBytes } = heed.memory();
    for (let i = 0; i < 200; ++i) round();
    expect(heed.memory()).toEqual({ liveBytes: 0, totalBytes });
  });

  test("attention holds no queries x keys matrix", () => {
    const n = 4096;
    const before = heed.memory().totalBytes;
    const array = new Float32Array(n * 16);
    heed.attend(array, array, array, { heads: 1, headDim: 16 });
    heed.attendTopK(array, array, array, { heads: 1, headDim: 16, keep: { k: 8 } });
    // The matrix alone would be 64 MiB.
    expect(heed.memory().totalBytes - before).toBeLessThan(2 ** 24);
  });

  test("a call that grows the memory far still gives the right rows", () => {
    const big: Case = {
      ...shape,
      queries: 3,
      keys: 200_000,
      heads: 1,
      kvHeads: 1,
      batch: 1,
      headDim: 16,
      valueDim: 16,
    };
    const inputs = inputsFor({ ...big, keys: 1 }, 62);
    const [keys, values] = [new Float32Array(big.keys * 16), new Float32Array(big.keys * 16).fill(2.5)];
    const out = heed.attend(inputs.q, keys, values, optionsOf({ ...big, causal: false }));
    expect(out.every((number) => Math.abs(number - 2.5) < 1e-3)).toBe(true);
    expect(heed.memory().liveBytes).toBe(0);
  });
});
