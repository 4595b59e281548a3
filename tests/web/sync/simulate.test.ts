import { create } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectedSync } from "../support/expected-variants.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant, studies: true })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("simulate E1, $variant", ({ heed }) => {
  test("one row per length and epsilon, in that order, with consistent columns", () => {
    const parameters = { n: [64, 128], d: 16, epsilon: [0.01, 0.001], seed: 3 };
    const rows = [...heed.simulate("E1", parameters)];
    expect(rows.map(({ n, epsilon }) => [n, epsilon])).toEqual([
      [64, 0.01],
      [64, 0.001],
      [128, 0.01],
      [128, 0.001],
    ]);
    for (const row of rows) {
      expect(row.d).toBe(16);
      expect(row.ineffectiveShare).toBe(1 - row.effective / row.n);
      // No more than 1 / epsilon entries of a row can exceed epsilon, because the row sums to 1.
      expect(row.effective).toBeLessThanOrEqual(1 / row.epsilon);
      const { n, epsilon, sigma } = row;
      expect(row.closedForm).toBe(heed.theory.ineffectiveShare({ n, epsilon, sigma }));
    }
    expect([...heed.simulate("E1", parameters)]).toEqual(rows);
    expect([...heed.simulate("E1", { ...parameters, seed: 4 })]).not.toEqual(rows);
  });

  test("independent weights have logits of standard deviation near 1, and the counts of their closed form", () => {
    const rows = [...heed.simulate("E1", { n: [512, 1024, 4096], epsilon: [1e-2, 1e-3], seed: 1 })];
    for (const { n, sigma, effective, closedForm } of rows) {
      // The norm of one pair of 64 x 64 Gaussian weights spreads sigma by some 3 %.
      expect(Math.abs(sigma - 1)).toBeLessThan(0.1);
      const expected = n * (1 - closedForm);
      // for x W x^T at d >= 64 the counts follow within 25 %, where they are counts at all.
      if (expected >= 1) expect(Math.abs(effective / expected - 1)).toBeLessThan(0.25);
      expect(Math.abs(effective - expected) / n).toBeLessThan(0.02);
    }
  });

  test("identity weights collapse to the token itself", () => {
    const effective = [...heed.simulate("E1", { n: [256, 1024], epsilon: [1e-2], weights: "identity" })];
    expect(effective[0]!.effective).toBeLessThan(2);
    expect(effective[1]!.effective).toBeLessThan(effective[0]!.effective);
    expect(effective[1]!.effective).toBeGreaterThanOrEqual(1);
  });

  test("low rank runs, and its rank matters", () => {
    const run = (rank: number) => [...heed.simulate("E1", { n: [256], epsilon: [1e-2], weights: "lowRank", rank })];
    expect(run(1)).not.toEqual(run(32));
  });
});

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("theory, $variant", ({ heed }) => {
  test("the window law is clamp(ceil(alpha n^exponent - 1e-9), max(1, min), max), at most n", () => {
    for (const n of [1, 2, 100, 1000, 65536]) {
      for (const [alpha, exponent] of [
        [1, 0.5],
        [2.5, 0.25],
        [0.001, 0.5],
        [7, 0],
        [1, 1],
        [9, 1],
      ] as const) {
        for (const limits of [{}, { min: 5 }, { max: 3 }, { min: 2, max: 50 }]) {
          const { min = 1, max = Infinity } = limits as { min?: number; max?: number };
          const entries = Math.ceil(alpha * n ** exponent - 1e-9);
          const expected = Math.min(n, max, Math.max(1, min, entries));
          expect(heed.theory.windowLaw({ n, alpha, exponent, ...limits })).toBe(expected);
        }
      }
    }
  });

  test.each([
    [128, 1e-2, 0.7724],
    [1024, 1e-3, 0.6998],
    [4096, 1e-4, 0.3473],
    [16384, 1e-4, 0.8398],
  ])("the closed form at n = %d, epsilon = %d is that of the table", (n, epsilon, share) => {
    // Four digits are printed there.
    expect(Math.abs(heed.theory.ineffectiveShare({ n, epsilon, sigma: 1 }) - share)).toBeLessThanOrEqual(5e-5);
  });
});
