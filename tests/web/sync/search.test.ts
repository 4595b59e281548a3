import { create, type Heed, type Search } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectError } from "../support/expect-error.js";
import { expectedSync } from "../support/expected-variants.js";
import { bestKeys, inputsFor, rowsOf, visibleKeys, type Inputs } from "../support/reference.js";
import { optionsOf, scoreOptionsOf, type Case } from "../support/shapes.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

const shape: Case = {
  queries: 40,
  keys: 700,
  heads: 4,
  kvHeads: 2,
  headDim: 16,
  valueDim: 5,
  batch: 2,
  causal: true,
  layout: "token-major",
};
const wide: Case = { ...shape, queries: 70, keys: 2500, heads: 1, kvHeads: 1, headDim: 64, batch: 1, causal: false };
const exactSearches = ["pages", "int8"] as const;

/** The keys that a full sort of the library's own scores keeps. */
function sortedKeys(heed: Heed, { q, k, shape: one }: Inputs, count: number): number[] {
  const scores = heed.scores(q, k, scoreOptionsOf(one));
  return rowsOf(one).flatMap(({ b, i, h }) => {
    const at = ((b * one.heads + h) * one.queries + i) * one.keys;
    const visible = visibleKeys(one, i);
    return bestKeys(scores.subarray(at, at + visible), Math.min(count, visible));
  });
}

/** Neighboring keys alike: what pages are for. */
function clustered(one: Case): Inputs {
  const inputs = inputsFor(one, 91);
  for (let j = 0; j < one.keys; ++j) {
    for (let c = 0; c < one.headDim; ++c) {
      const cluster = Math.floor(j / 128);
      const center = Math.sin(997 * (c + 1) * (cluster + 1) + cluster * cluster) * 2;
      inputs.k[j * one.headDim + c] = center + 0.05 * inputs.k[j * one.headDim + c]!;
    }
  }
  return inputs;
}

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("searches, $variant", ({ heed }) => {
  const ask = ({ q, k, v, shape: one }: Inputs, search: Search, more: object = {}) =>
    heed.attendTopK(q, k, v, {
      ...optionsOf(one),
      keep: { k: 20 },
      estimator: "renormalized",
      search,
      indices: true,
      ...more,
    });

  test.each(exactSearches)("%s keeps the best keys, with the output of the scan", (search) => {
    for (const inputs of [inputsFor(shape, 92), inputsFor(wide, 93), inputsFor(wide, 94, 20), clustered(wide)]) {
      const result = ask(inputs, search);
      expect(result.info).toEqual({ search, estimator: "renormalized" });
      expect([...result.indices]).toEqual(sortedKeys(heed, inputs, 20));
      const scan = ask(inputs, "exact");
      expect(result.kept).toEqual(scan.kept);
      expect(result.offsets).toEqual(scan.offsets);
      // The same weights but for the reference they are relative to: a few roundings of numbers up to max |v| < 6.
      result.out.forEach((x, at) => expect(Math.abs(x - scan.out[at]!)).toBeLessThan(6 * 5e-6));
      // Where scores are skipped the dropped mass is known from above.
      scan.dropped.forEach((tau, r) => {
        expect(result.bound[r]).toBeGreaterThanOrEqual(tau - 1e-5);
        expect(result.bound[r]).toBeGreaterThanOrEqual(result.dropped[r]!);
      });
    }
  });

  test.each(exactSearches)("%s ranks ties by index, and spoils only rows that see NaN", (search) => {
    const tied = inputsFor(shape, 95);
    tied.k.fill(0.25);
    expect([...ask(tied, search).indices]).toEqual(sortedKeys(heed, tied, 20));
    const inputs = inputsFor({ ...shape, batch: 1 }, 96);
    const before = ask(inputs, search);
    const { keys, kvHeads, headDim, queries, heads, valueDim } = shape;
    inputs.k[((keys - 5) * kvHeads + 1) * headDim] = NaN;
    const after = ask(inputs, search);
    expect([...after.indices]).toEqual(sortedKeys(heed, inputs, 20));
    for (const { i, h } of rowsOf(inputs.shape)) {
      const spoiled = i >= queries - 5 && h >= heads / 2;
      const at = (i * heads + h) * valueDim;
      expect(Number.isNaN(after.out[at]), `query ${i}, head ${h}`).toBe(spoiled);
      if (!spoiled) expect(after.out.subarray(at, at + valueDim)).toEqual(before.out.subarray(at, at + valueDim));
    }
  });

  test("pages with searchTau stop with a bound that keeps it", () => {
    const inputs = clustered(wide);
    const options = { keep: { k: 200 } };
    const whole = ask(inputs, "pages", options);
    const scan = ask(inputs, "exact", options);
    const early = ask(inputs, "pages", { ...options, searchTau: 0.5 });
    early.bound.forEach((bound, r) => {
      expect(bound).toBeLessThanOrEqual(Math.max(0.5, whole.bound[r]!));
      expect(bound).toBeGreaterThanOrEqual(scan.dropped[r]! - 1e-5);
    });
  });

  test("lsh says how much of the exact set it found", () => {
    const inputs = inputsFor(wide, 97);
    const result = ask(inputs, "lsh", { seed: 3 });
    const best = sortedKeys(heed, inputs, 20);
    const shares = Array.from({ length: 32 }, (_, slot) => {
      const row = Math.floor(((2 * slot + 1) * wide.queries) / 64);
      const exact = new Set(best.slice(20 * row, 20 * row + 20));
      return result.indices.subarray(20 * row, 20 * row + 20).filter((key) => exact.has(key)).length / 20;
    });
    expect(result.info.recall).toBeCloseTo(shares.reduce((sum, share) => sum + share, 0) / 32, 5);
    expect(ask(inputs, "lsh", { seed: 3 }).indices).toEqual(result.indices);
    expect(ask(inputs, "lsh", { seed: 4 }).indices).not.toEqual(result.indices);
  });

  test("what needs every score gets every score, and the result says so", () => {
    const inputs = inputsFor(shape, 98);
    for (const estimator of ["raw", "compensated", "linear"] as const) {
      const result = ask(inputs, "int8", { estimator });
      expect(result.info).toMatchObject({ search: "exact", estimator });
      expect(result.info.reason).toMatch(/needs every score/);
      expect(result.out).toEqual(ask(inputs, "exact", { estimator }).out);
    }
  });

  test.each(["renormalized", "raw", "compensated", "linear"] as const)("a sampled tail, %s", (estimator) => {
    const inputs = inputsFor(wide, 99);
    const exact = heed.attend(inputs.q, inputs.k, inputs.v, optionsOf(wide));
    const scan = ask(inputs, "exact", { estimator });
    const result = ask(inputs, "int8", { estimator, tail: "sampled" });
    expect(result.info).toEqual({ search: "int8", estimator });
    expect(result.indices).toEqual(scan.indices);
    // Family "statistical", seed fixed: nine intervals in ten hold the dropped mass that the scan knows.
    const held = scan.dropped.filter((tau, r) => Math.abs(tau - result.dropped[r]!) <= result.interval![r]!).length;
    expect(held / scan.dropped.length).toBeGreaterThan(0.8);
    const errorOf = (out: Float32Array) => out.reduce((sum, x, at) => sum + (x - exact[at]!) ** 2, 0);
    if (estimator === "linear") {
      expect(errorOf(result.out)).toBeLessThan(errorOf(ask(inputs, "exact").out) / 4);
    }
    expect(ask(inputs, "int8", { estimator, tail: "sampled", seed: 1 }).dropped).not.toEqual(result.dropped);
    expect(ask(inputs, "exact", { tail: "sampled" }).interval).toEqual(new Float32Array(wide.queries));
  });

  test("auto says what it chose and why, the same every time", () => {
    const few = ask(inputsFor(shape, 100), "auto");
    expect(few.info).toMatchObject({ search: "exact", reason: /few keys/ as unknown as string });
    const inputs = inputsFor(wide, 101);
    const result = ask(inputs, "auto");
    expect(result.info.reason).toMatch(/probe/);
    expect(ask(inputs, "auto").info).toEqual(result.info);
    expect([...result.indices]).toEqual(sortedKeys(heed, inputs, 20));
    expect(ask(clustered({ ...wide, keys: 8000 }), "auto").info).toMatchObject({ search: "pages" });
  });

  test("an index serves many calls, in the place of the keys", () => {
    const inputs = inputsFor(shape, 102);
    const { kvHeads, headDim, batch } = shape;
    const before = heed.memory().liveBytes;
    for (const search of ["pages", "int8", "lsh"] as const) {
      const index = heed.index(inputs.k, { kvHeads, headDim, batch, search });
      const held = heed.memory().liveBytes;
      for (const k of [3, 30]) {
        const options = {
          ...optionsOf(shape),
          keep: { k },
          estimator: "renormalized" as const,
          indices: true as const,
        };
        const ready = heed.attendTopK(inputs.q, index, inputs.v, options);
        expect(ready.info.search).toBe(search);
        expect(ready).toEqual(heed.attendTopK(inputs.q, inputs.k, inputs.v, { ...options, search }));
        const every = { ...options, estimator: "linear" as const };
        expect(heed.attendTopK(inputs.q, index, inputs.v, every).out).toEqual(
          heed.attendTopK(inputs.q, inputs.k, inputs.v, every).out,
        );
      }
      expect(heed.memory().liveBytes).toBe(held);
      index.dispose();
      index.dispose();
      expect(heed.memory().liveBytes).toBe(before);
      expectError("disposed", /^k /, () =>
        heed.attendTopK(inputs.q, index, inputs.v, { ...optionsOf(shape), keep: { k: 1 } }),
      );
    }
  });

  test("an index is refused for other shapes, other searches and by other instances", async () => {
    const inputs = inputsFor(shape, 103);
    const { kvHeads, headDim, batch } = shape;
    const index = heed.index(inputs.k, { kvHeads, headDim, batch });
    const options = { ...optionsOf(shape), keep: { k: 1 } };
    expectError("shape-mismatch", /k is an index for batch 2, kvHeads 2, headDim 16/, () =>
      heed.attendTopK(inputs.q, index, inputs.v, { ...options, heads: 2, kvHeads: 1, headDim: 32, valueDim: 10 }),
    );
    expectError("invalid-argument", /search is "pages" and k is an index for "int8"/, () =>
      heed.attendTopK(inputs.q, index, inputs.v, { ...options, search: "pages" }),
    );
    const other = await create({ variant: heed.info.variant });
    expectError("invalid-argument", /another instance/, () => other.attendTopK(inputs.q, index, inputs.v, options));
    other.dispose();
    index.dispose();
  });
});
