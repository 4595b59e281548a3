/** Windows, sinks, masks, softcap, budgets and certificates in attendTopK. */
import { create, type Heed, type Keep } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectCertificates, expectSparse } from "../support/compare.js";
import { expectError } from "../support/expect-error.js";
import { expectedSync } from "../support/expected-variants.js";
import { inputsFor, keepingOrder, rowsOf, seenKeys, type Inputs } from "../support/reference.js";
import { ruleCases } from "../support/rule-cases.js";
import { cases, optionsOf, scoreOptionsOf, type Case } from "../support/shapes.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

const estimators = ["renormalized", "raw", "compensated", "linear"] as const;
const causal = cases.find((shape) => shape.causal && shape.heads > shape.kvHeads) as Case;

/** Per row, the keys that a full sort of the library's own scores ranks first, sinks before all others. */
function ranked(heed: Heed, inputs: Inputs): { keys: number[]; scores: Float32Array; sinks: number }[] {
  const { q, k, shape, rules = {} } = inputs;
  const { sinks = 0, ...rest } = rules;
  const windowed = rest.window === undefined ? rest : { ...rest, sinks };
  const scores = heed.scores(q, k, { ...scoreOptionsOf(shape), ...windowed });
  return rowsOf(shape).map(({ b, i, h }) => {
    const at = ((b * shape.heads + h) * shape.queries + i) * shape.keys;
    const ofRow = scores.subarray(at, at + shape.keys);
    const keys = keepingOrder(seenKeys(inputs, i, h), ofRow, sinks);
    const first = keys.filter((key) => key < sinks).length;
    return { keys, scores: Float32Array.from(keys, (key) => ofRow[key]!), sinks: first };
  });
}

function probabilities(scores: Float32Array): number[] {
  const most = Math.max(...scores);
  const terms = Array.from(scores, (score) => Math.exp(score - most));
  const sum = terms.reduce((a, term) => a + term, 0);
  return terms.map((term) => term / sum);
}

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("attendTopK, $variant", ({ heed }) => {
  const named = ruleCases.map((one, at) => ({ ...one, two: [0, 1].map((next) => estimators[(at + next) % 4]!) }));
  test.each(named)("$name: the best keys, $two, certificates", ({ inputs, two }) => {
    const keep = { k: 5 };
    const rows = ranked(heed, inputs);
    for (const estimator of two) {
      const options = { ...optionsOf(inputs.shape), ...inputs.rules, keep, estimator } as const;
      const result = heed.attendTopK(inputs.q, inputs.k, inputs.v, { ...options, indices: true, certificates: true });
      expectSparse(inputs, result, estimator);
      expectCertificates(inputs, result);
      rows.forEach(({ keys }, r) => {
        const kept = [...result.indices.subarray(result.offsets[r]!, result.offsets[r + 1]!)];
        const expected = keys.slice(0, 5).sort((a, b) => a - b);
        if (kept.join() !== expected.join()) expect.fail(`row ${r} keeps ${kept.join()}, not ${expected.join()}`);
      });
    }
    expect(heed.memory().liveBytes).toBe(0);
  });

  test.each<Keep>([
    { mass: 0.5 },
    { mass: 0.95, min: 3, max: 20 },
    { mass: 1 },
    { threshold: 0.02 },
    { threshold: 0.3, min: 2 },
    { k: 9, max: 4 },
    { k: 1, min: 6 },
  ])("the number of entries that %o asks for", (keep) => {
    const inputs: Inputs = { ...inputsFor(causal, 31, 1.5), rules: { sinks: 2 } };
    const options = { ...optionsOf(causal), sinks: 2, keep, indices: true } as const;
    const result = heed.attendTopK(inputs.q, inputs.k, inputs.v, options);
    expectSparse(inputs, result, "linear");
    ranked(heed, inputs).forEach(({ keys, scores, sinks }, r) => {
      const kept = [...result.indices.subarray(result.offsets[r]!, result.offsets[r + 1]!)];
      expect(kept).toEqual(keys.slice(0, kept.length).sort((a, b) => a - b));
      const p = probabilities(scores);
      const most = Math.min(keys.length, keep.max ?? Infinity);
      const limited = (count: number) => Math.min(most, Math.max(count, 1, keep.min ?? 1));
      // Weights are computed in f32: a mark within their error may be met or not.
      const counts = [-1e-4, 1e-4].map((slack) => {
        if ("k" in keep) return limited(keep.k);
        if ("threshold" in keep) {
          return limited(p.filter((share, at) => at < sinks || share >= keep.threshold * (1 + slack)).length);
        }
        if ("mass" in keep && keep.mass < 1) {
          let mass = 0;
          let count = 0;
          while (count < p.length && (count < sinks || mass < keep.mass + slack)) mass += p[count++]!;
          return limited(count);
        }
        return limited(p.length);
      });
      expect(kept.length).toBeGreaterThanOrEqual(Math.min(...counts));
      expect(kept.length).toBeLessThanOrEqual(Math.max(...counts));
    });
  });

  test("an array has a budget for each head", () => {
    const { q, k, v } = inputsFor(causal, 32);
    const options = { ...optionsOf(causal), estimator: "raw" } as const;
    const budgets: Keep[] = [{ k: 3 }, { alpha: 1, exponent: 0.5 }, { mass: 0.7 }, { threshold: 0.05 }];
    const keep = Array.from({ length: causal.heads }, (_, h) => budgets[h % 4]!);
    const all = heed.attendTopK(q, k, v, { ...options, keep });
    keep.forEach((one, head) => {
      const alone = heed.attendTopK(q, k, v, { ...options, keep: one });
      rowsOf(causal).forEach(({ h }, r) => {
        if (h !== head) return;
        expect(all.kept[r]).toBe(alone.kept[r]);
        expect(all.dropped[r]).toBeCloseTo(alone.dropped[r]!, 5);
      });
    });
  });

  test("sinks are kept first, without a window too", () => {
    const { q, k, v } = inputsFor(causal, 33);
    for (const rules of [{ sinks: 3 }, { sinks: 3, window: 8 }]) {
      const { indices, offsets, kept } = heed.attendTopK(q, k, v, {
        ...optionsOf(causal),
        ...rules,
        keep: { k: 4 },
        indices: true,
      });
      kept.forEach((count, r) => {
        const first = [0, 1, 2].slice(0, count);
        expect([...indices.subarray(offsets[r]!, offsets[r]! + first.length)]).toEqual(first);
      });
    }
  });

  test("certificates and indices change nothing else", () => {
    const { inputs } = ruleCases.at(-1)!;
    const options = { ...optionsOf(inputs.shape), ...inputs.rules, keep: { mass: 0.6 } };
    const plain = heed.attendTopK(inputs.q, inputs.k, inputs.v, options);
    const { certificates, indices, offsets, ...rest } = heed.attendTopK(inputs.q, inputs.k, inputs.v, {
      ...options,
      certificates: true,
      indices: true,
    });
    expect(rest).toEqual(plain);
    expect(indices).toHaveLength(offsets.at(-1)!);
    expect(Object.keys(certificates)).toEqual(["singleGap", "headAware", "blockwise", "outputError", "logitError"]);
    for (const bound of Object.values(certificates)) expect(bound).toHaveLength(plain.kept.length);
  });

  test("no room for the keys that were counted is an error, and everything is given back", async () => {
    const small = await create({ variant: heed.info.variant, maximumMemory: 2 ** 24 });
    const n = 2300;
    const q = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
    const options = { heads: 1, headDim: 1, indices: true } as const;
    // Nearly all keys of all rows: 2300 x 2300 numbers.
    expectError("out-of-memory", /no room for \d+ bytes \(indices\)/, () =>
      small.attendTopK(q, q, q, { ...options, keep: { mass: 1 } }),
    );
    expect(small.memory().liveBytes).toBe(0);
    expect(small.attendTopK(q, q, q, { ...options, keep: { k: 1 } }).indices).toHaveLength(n);
    small.dispose();
  });

  test("rows without queries or keys, with everything asked for", () => {
    const none = new Float32Array(0);
    const options = { heads: 2, headDim: 4, keep: { mass: 0.5 }, indices: true, certificates: true } as const;
    const noQueries = heed.attendTopK(none, new Float32Array(16), new Float32Array(16), options);
    expect([...noQueries.offsets]).toEqual([0]);
    const noKeys = heed.attendTopK(new Float32Array(16), none, none, options);
    expect([...noKeys.kept]).toEqual([0, 0, 0, 0]);
    expect(noKeys.out).toEqual(new Float32Array(16));
  });
});
