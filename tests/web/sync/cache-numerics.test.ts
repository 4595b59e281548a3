/** What a cache's exact attention can be asked for beside its output: precision, records for eviction, and watching. */
import { create } from "heed/sync";
import type { MonitoredInterval } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectExact } from "../support/compare.js";
import { expectError } from "../support/expect-error.js";
import { expectedSync } from "../support/expected-variants.js";
import { inputsFor } from "../support/reference.js";
import type { Case } from "../support/shapes.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

const shape: Case = {
  ...{ queries: 3, keys: 1100, heads: 4, kvHeads: 2, headDim: 20, valueDim: 9, batch: 1 },
  ...{ causal: true, layout: "token-major" },
};
const cacheOptions = { kvHeads: 2, headDim: 20, valueDim: 9 };
const inputs = inputsFor(shape, 17);

/** Probabilities of every row, row by row, over the tokens that it sees. */
const probabilities = Array.from({ length: 12 }, (_, r) => {
  const visible = shape.keys - 2 + Math.floor(r / 4);
  const group = Math.floor((r % 4) / 2);
  const query = inputs.q.subarray(r * 20, (r + 1) * 20);
  const scores = Array.from({ length: visible }, (__, j) => {
    const key = inputs.k.subarray(j * 40 + group * 20, j * 40 + group * 20 + 20);
    return query.reduce((sum, x, c) => sum + x * key[c]!, 0) / Math.sqrt(20);
  });
  const most = Math.max(...scores);
  const weights = scores.map((s) => Math.exp(s - most));
  const sum = weights.reduce((a, b) => a + b);
  return { lse: most + Math.log(sum), p: weights.map((w) => w / sum) };
});

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("cache, $variant", ({ heed }) => {
  const filled = (dtype: "f32" | "f16" | "int8" = "f32") => {
    const cache = heed.cache({ ...cacheOptions, dtype });
    cache.append(inputs.k, inputs.v);
    return cache;
  };

  test.each(["f32", "compensated", "f64"] as const)("attend, accumulate %s, is exact", (accumulate) => {
    using cache = filled();
    expectExact(inputs, cache.attend(inputs.q, { heads: 4, accumulate }));
    const ask = { heads: 4, lse: true, window: 300, sinks: 3, softcap: 4 } as const;
    const { out, lse } = cache.attend(inputs.q, { ...ask, accumulate });
    expectExact({ ...inputs, rules: { window: 300, sinks: 3, softcap: 4 } }, out, lse);
    using tensor = heed.tensor(inputs.q);
    using result = cache.attend(tensor, { heads: 4, accumulate });
    expect(result.view().slice()).toEqual(cache.attend(inputs.q, { heads: 4, accumulate }));
  });

  test("tokens that an f32 sum does not see are seen in f64", () => {
    const tokens = 16384;
    const keys = new Float32Array(tokens).fill(-18.1);
    keys[0] = 0;
    const values = new Float32Array(tokens).fill(1);
    for (const dtype of ["f32", "f16", "int8"] as const) {
      using cache = heed.cache({ kvHeads: 1, headDim: 1, dtype });
      cache.append(keys, values);
      const one = new Float32Array([1]);
      expect(cache.monitor(one).accumulate, "what the monitor recommends").toBe("f64");
      const off = (accumulate: "f32" | "compensated" | "f64") => Math.abs(cache.attend(one, { accumulate })[0]! - 1);
      expect(off("f32"), dtype).toBeGreaterThan(1e-5);
      expect(off("compensated"), dtype).toBeLessThan(2e-6);
      expect(off("f64"), dtype).toBe(0);
    }
  });

  test("monitor and record go with every precision", () => {
    using cache = filled();
    const ask = { heads: 4, monitor: true, recordAttention: true } as const;
    const plain = cache.attend(inputs.q, ask);
    const recorded = cache.recordedAttention();
    const precise = cache.attend(inputs.q, { ...ask, accumulate: "f64" });
    expect(precise.monitored).toEqual(plain.monitored);
    expect(cache.recordedAttention().map((x) => x / 2)).toEqual(recorded);
    expect(precise.out).toEqual(cache.attend(inputs.q, { heads: 4, accumulate: "f64" }));
    expect(plain.out).toEqual(cache.attend(inputs.q, { heads: 4 }));
  });

  test("recorded attention is the sum of the probabilities, and follows its tokens", () => {
    using cache = filled();
    expect(cache.recordedAttention().every((x) => x === 0)).toBe(true);
    cache.attend(inputs.q, { heads: 4, recordAttention: true });
    const sums = new Float64Array(2 * 1100);
    probabilities.forEach(({ p }, r) => p.forEach((x, j) => (sums[Math.floor((r % 4) / 2) * 1100 + j]! += x)));
    const near = (actual: Float64Array, expected: Float64Array) => {
      expect(actual.length).toBe(expected.length);
      actual.forEach((x, i) => expect(Math.abs(x - expected[i]!)).toBeLessThan(1e-5 * expected[i]! + 1e-9));
    };
    near(cache.recordedAttention(), sums);
    using copy = cache.fork();
    cache.monitor(inputs.q, { heads: 4, recordAttention: true });
    near(
      cache.recordedAttention(),
      sums.map((x) => 2 * x),
    );
    near(copy.recordedAttention(), sums);
    using other = heed.cache(cacheOptions);
    other.restore(copy.save());
    expect(other.recordedAttention()).toEqual(copy.recordedAttention());
    copy.rewind(700);
    copy.append(inputs.k.subarray(0, 40), inputs.v.subarray(0, 18));
    const rest = copy.recordedAttention();
    expect([rest.length, rest[700], rest[1401]]).toEqual([1402, 0, 0]);
    near(rest.subarray(0, 700), sums.subarray(0, 700));

    // The heaviest, and the most recent.
    const { length } = other.evict(inputs.q, { heads: 4, policy: { keep: 60, recent: 30, heavy: true } });
    expect(length).toBe(60);
    const kept = other.recordedAttention();
    for (const g of [0, 1]) {
      const heavy = [...sums.subarray(g * 1100, g * 1100 + 1070)].sort((a, b) => b - a).slice(0, 30);
      const stayed = [...kept.subarray(g * 60, g * 60 + 30)].sort((a, b) => b - a);
      near(Float64Array.from(stayed), Float64Array.from(heavy));
      near(kept.subarray(g * 60 + 30, g * 60 + 60), sums.subarray(g * 1100 + 1070, (g + 1) * 1100));
    }
    other.clear();
    expect(other.recordedAttention().length).toBe(0);
  });

  const within = (name: string, { value, lower, upper }: MonitoredInterval, truth: number[], slack = 0) =>
    truth.forEach((x, r) => {
      expect(lower[r], `${name}, row ${r}`).toBeLessThanOrEqual(x + slack);
      expect(upper[r], `${name}, row ${r}`).toBeGreaterThanOrEqual(x - slack);
      expect(value[r]).toBeGreaterThanOrEqual(lower[r]!);
      expect(value[r]).toBeLessThanOrEqual(upper[r]!);
    });

  test.each([
    { search: "exact", tail: "exact", source: "scores" },
    { search: "int8", tail: "exact", source: "bounds" },
    { search: "pages", tail: "exact", source: "bounds" },
    { search: "lsh", tail: "exact", source: "bounds" },
    { search: "pages", tail: "sampled", source: "sample" },
    { search: "lsh", tail: "sampled", source: "sample" },
  ] as const)("attendTopK, $search, tail $tail, is watched", ({ search, tail, source }) => {
    using cache = filled();
    const ask = { heads: 4, keep: { k: 40 }, estimator: "renormalized", search, tail } as const;
    const result = cache.attendTopK(inputs.q, { ...ask, indices: true, monitor: { epsilon: 0.003, mass: 0.2 } });
    const { source: from, lse, dropped, entropy, effective, seen, k } = result.monitored!;
    expect(from).toBe(source);
    // Family "attention": float scores and weights.
    const slack = source === "scores" ? 2e-5 : 0;
    within(
      "lse",
      lse,
      probabilities.map((row) => row.lse),
      slack,
    );
    const rest = probabilities.map(({ p }, r) => {
      const kept = result.indices.subarray(result.offsets[r]!, result.offsets[r + 1]!);
      return 1 - kept.reduce((sum, j) => sum + p[j]!, 0);
    });
    within("dropped", dropped, rest, slack);
    within(
      "entropy",
      entropy,
      probabilities.map(({ p }) => -p.reduce((sum, x) => sum + x * Math.log(x), 0)),
      slack,
    );
    within(
      "effective",
      effective,
      probabilities.map(({ p }) => p.filter((x) => x > 0.003).length),
      slack && 1,
    );
    within(
      "seen",
      seen,
      probabilities.map(({ p }) => p.length),
    );
    const fewest = probabilities.map(({ p }) => {
      let sum = 0;
      return [...p].sort((a, b) => b - a).findIndex((x) => (sum += x) >= 0.8) + 1;
    });
    within("k", k, fewest, slack && 1);
    if (source === "scores") expect(k.lower).toEqual(k.upper);
    const { monitored, ...others } = result;
    expect(cache.attendTopK(inputs.q, { ...ask, indices: true }), "the same result").toEqual(others);
    expect(monitored).toBeDefined();
  });

  test("what cannot be is refused, by name", () => {
    using cache = filled();
    const bad = (text: RegExp, work: () => unknown) => expectError("invalid-argument", text, work);
    bad(/accumulate is the string "f16"; one of "f32", "compensated", "f64"/, () =>
      cache.attend(inputs.q, { heads: 4, accumulate: "f16" as "f32" }),
    );
    bad(/recordAttention is 1/, () => cache.attend(inputs.q, { heads: 4, recordAttention: 1 as never }));
    bad(/recordAttention is "yes"|recordAttention is the string "yes"/, () =>
      cache.monitor(inputs.q, { heads: 4, recordAttention: "yes" as never }),
    );
    bad(/policy.heavy is true, but keep and loss are missing/, () =>
      cache.evict(inputs.q, { heads: 4, policy: { recent: 3, heavy: true } as never }),
    );
    bad(/no attention of layer 0 was recorded; attend or monitor with recordAttention: true/, () =>
      cache.evict(inputs.q, { heads: 4, policy: { keep: 3, heavy: true } }),
    );
    bad(/no option "first"/, () =>
      cache.attendTopK(inputs.q, { heads: 4, keep: { k: 3 }, monitor: { first: 3 } as never }),
    );
    bad(/mass is 2/, () => cache.attendTopK(inputs.q, { heads: 4, keep: { k: 3 }, monitor: { mass: 2 } }));
    bad(/no option "accumulate"/, () =>
      cache.attendTopK(inputs.q, { heads: 4, keep: { k: 3 }, accumulate: "f64" } as never),
    );
    bad(/layer is 1/, () => cache.recordedAttention({ layer: 1 }));
    expect(cache.length()).toBe(1100);
  });

  test("nothing is held", () => {
    const before = heed.memory().liveBytes;
    const cache = filled();
    cache.attend(inputs.q, { heads: 4, accumulate: "f64", recordAttention: true, monitor: true });
    cache.attend(inputs.q, { heads: 4, accumulate: "compensated" });
    cache.attendTopK(inputs.q, { heads: 4, keep: { k: 3 }, search: "pages", monitor: true });
    cache.evict(inputs.q, { heads: 4, policy: { loss: 0.2, heavy: true } });
    cache.dispose();
    expect(heed.memory().liveBytes).toBe(before);
  });
});
