import { create, type Heed, type Keep } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectSparse } from "../support/compare.js";
import { expectedSync } from "../support/expected-variants.js";
import { bestKeys, inputsFor, rowsOf, visibleKeys, type Inputs } from "../support/reference.js";
import { cases, nameOf, optionsOf, scoreOptionsOf, type Case } from "../support/shapes.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

const estimators = ["renormalized", "raw", "compensated", "linear"] as const;
const causal = cases.find((shape) => shape.causal && shape.heads > shape.kvHeads) as Case;

/** The keys that a full sort of the library's own scores keeps. */
function sortedKeys(heed: Heed, { q, k, shape }: Inputs, kOf: (visible: number) => number): number[] {
  const scores = heed.scores(q, k, scoreOptionsOf(shape));
  return rowsOf(shape).flatMap(({ b, i, h }) => {
    const at = ((b * shape.heads + h) * shape.queries + i) * shape.keys;
    const visible = visibleKeys(shape, i);
    return bestKeys(scores.subarray(at, at + visible), kOf(visible));
  });
}

function attend(heed: Heed, { q, k, v, shape }: Inputs, keep: Keep, estimator: (typeof estimators)[number]) {
  return heed.attendTopK(q, k, v, { ...optionsOf(shape), keep, estimator, indices: true });
}

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("attendTopK, $variant", ({ heed }) => {
  const named = cases.map((shape, at) => ({
    shape,
    name: nameOf(shape),
    estimator: estimators[at % estimators.length]!,
  }));
  test.each(named)("keeps the best keys: $name, $estimator", ({ shape, estimator }) => {
    const inputs = inputsFor(shape, 21);
    const k = Math.max(1, Math.floor(shape.keys / 7));
    const result = attend(heed, inputs, { k }, estimator);
    expectSparse(inputs, result, estimator);
    expect([...result.indices]).toEqual(sortedKeys(heed, inputs, (visible) => Math.min(k, visible)));
    expect(result.info).toMatchObject({ search: "exact", estimator });
  });

  test.each(estimators)("every k from one to beyond n, %s", (estimator) => {
    const shape: Case = { ...causal, queries: 5, keys: 37, heads: 2, kvHeads: 1, batch: 1 };
    const inputs = inputsFor(shape, 22);
    for (const k of [1, 2, 3, 4, 5, 8, 31, 36, 37, 38, 1000, 2 ** 40]) {
      const result = attend(heed, inputs, { k }, estimator);
      expectSparse(inputs, result, estimator);
      expect([...result.indices]).toEqual(sortedKeys(heed, inputs, (visible) => Math.min(k, visible)));
    }
  });

  test.each(estimators)("k = n is exact attention, and nothing is dropped, %s", (estimator) => {
    const inputs = inputsFor(causal, 23);
    const result = attend(heed, inputs, { k: causal.keys }, estimator);
    expectSparse(inputs, result, estimator);
    expect(result.dropped.every((tau) => tau === 0)).toBe(true);
  });

  test("ties keep the lower index", () => {
    const shape: Case = { ...causal, causal: false, queries: 3, keys: 50 };
    const inputs = inputsFor(shape, 24);
    inputs.k.fill(0.25);
    const result = attend(heed, inputs, { k: 7 }, "compensated");
    for (let r = 0; r < result.kept.length; ++r) {
      expect([...result.indices.subarray(7 * r, 7 * r + 7)]).toEqual([0, 1, 2, 3, 4, 5, 6]);
    }
    expectSparse(inputs, result, "compensated");
  });

  test.each([
    { alpha: 2, exponent: 0.5 },
    { alpha: 0.1, exponent: 0.25 },
    { alpha: 3, exponent: 0 },
    { alpha: 1, exponent: 1 },
    { alpha: 2, exponent: 0.5, min: 9, max: 11 },
  ])("the window law uses each row's own length: %o", (law) => {
    const inputs = inputsFor(causal, 25);
    const result = attend(heed, inputs, law, "compensated");
    const count = (visible: number) => {
      if (visible === 0) return 0;
      const entries = Math.ceil(law.alpha * visible ** law.exponent - 1e-9);
      return Math.min(visible, law.max ?? Infinity, Math.max(entries, 1, law.min ?? 1));
    };
    rowsOf(causal).forEach(({ i }, r) => expect(result.kept[r]).toBe(count(visibleKeys(causal, i))));
    expect([...result.indices]).toEqual(sortedKeys(heed, inputs, count));
    expectSparse(inputs, result, "compensated");
  });

  test("the default estimator is linear, the default search says what ran", () => {
    const inputs = inputsFor(causal, 26);
    const { q, k, v } = inputs;
    const result = heed.attendTopK(q, k, v, { ...optionsOf(causal), keep: { k: 4 } });
    expect(result.info).toMatchObject({ search: "exact", estimator: "linear" });
    expect(result.out).toEqual(attend(heed, inputs, { k: 4 }, "linear").out);
    expect(result).not.toHaveProperty("indices");
    for (const search of ["exact", "auto"] as const) {
      expect(heed.attendTopK(q, k, v, { ...optionsOf(causal), keep: { k: 4 }, search }).out).toEqual(result.out);
    }
  });

  test("a fast denominator changes the dropped mass by little, the bound accordingly, and no set", () => {
    const inputs = inputsFor({ ...causal, keys: 150, queries: 150 }, 30);
    const { q, k, v, shape } = inputs;
    const attendBy = (denominator: "accurate" | "fast") =>
      heed.attendTopK(q, k, v, {
        ...optionsOf(shape),
        ...{ keep: { k: 8 }, estimator: "renormalized", search: "exact", denominator, indices: true },
      });
    const [accurate, fast] = [attendBy("accurate"), attendBy("fast")];
    expect(fast.indices).toEqual(accurate.indices);
    expect(fast.dropped).not.toEqual(accurate.dropped);
    accurate.dropped.forEach((tau, r) => {
      expect(Math.abs(fast.dropped[r]! - tau)).toBeLessThanOrEqual(0.0413 * tau * (1 - tau) + 1e-5);
      expect(fast.bound[r]).toBeGreaterThanOrEqual(tau);
    });
    accurate.out.forEach((x, at) => expect(fast.out[at]).toBeCloseTo(x, 4));
  });

  test("the dropped mass never rises with k", () => {
    const inputs = inputsFor(causal, 27);
    let before = attend(heed, inputs, { k: 1 }, "raw").dropped;
    for (const k of [2, 4, 8, 16, 32, 64]) {
      const { dropped } = attend(heed, inputs, { k }, "raw");
      // One rounding of the result: the exact mass falls, its f32 value may stay.
      dropped.forEach((tau, r) => expect(tau).toBeLessThanOrEqual(before[r]! + 2 ** -23));
      before = dropped;
    }
  });

  test("the linear tail is closer to exact attention than the mean tail, where values do not depend on scores", () => {
    const shape: Case = { ...causal, causal: false, queries: 24, keys: 600, heads: 2, kvHeads: 2, headDim: 32 };
    const inputs = inputsFor(shape, 29);
    const exact = heed.attend(inputs.q, inputs.k, inputs.v, optionsOf(shape));
    const errorOf = (estimator: (typeof estimators)[number]) =>
      attend(heed, inputs, { k: 60 }, estimator).out.reduce((sum, x, at) => sum + (x - exact[at]!) ** 2, 0);
    expect(errorOf("linear")).toBeLessThan(errorOf("compensated") / 2);
    expect(errorOf("compensated")).toBeLessThan(errorOf("raw"));
  });

  test("scores that differ by more than exp can hold", () => {
    const inputs = inputsFor(causal, 28, 30);
    for (const estimator of estimators) expectSparse(inputs, attend(heed, inputs, { k: 3 }, estimator), estimator);
  });
});
