/** Windows, sinks, masks, softcap, budgets and certificates in a cache's attendTopK. */
import { create, type CacheTopKOptions, type Keep } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectCertificates, expectSparse } from "../support/compare.js";
import { expectError } from "../support/expect-error.js";
import { expectedSync } from "../support/expected-variants.js";
import { Random } from "../support/random.js";
import { inputsFor, type Inputs, type Rules } from "../support/reference.js";
import { chosen } from "../support/rule-cases.js";
import { optionsOf, type Case } from "../support/shapes.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

const estimators = ["renormalized", "raw", "compensated", "linear"] as const;
const shape: Case = {
  queries: 7,
  keys: 260,
  heads: 4,
  kvHeads: 2,
  headDim: 12,
  valueDim: 7,
  batch: 1,
  causal: true,
  layout: "token-major",
};
const inputs = inputsFor(shape, 71, 1.3);
const numbers = new Random(72);
const bias = numbers.array(shape.queries * shape.keys, 2).map((x) => (numbers.uniform() < 0.2 ? -Infinity : x));
const rules: readonly Rules[] = [
  { window: 40 },
  { window: 40, sinks: 3 },
  { sinks: 4 },
  { softcap: 2 },
  { mask: chosen(shape, 1) },
  { mask: chosen(shape, shape.heads) },
  { mask: bias },
  { window: 120, sinks: 2, softcap: 3, mask: bias },
];
const budgets: readonly (Keep | Keep[])[] = [
  { mass: 0.5 },
  { mass: 0.95, min: 3, max: 20 },
  { mass: 1 },
  { threshold: 0.02 },
  { threshold: 0.3, min: 2 },
  [{ k: 3 }, { alpha: 1, exponent: 0.5 }, { mass: 0.7 }, { threshold: 0.05 }],
];
const named = rules.map((one) => ({ one, name: Object.keys(one).join(", ") }));

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("cache, $variant", ({ heed }) => {
  const filled = (dtype: "f32" | "f16" | "int8" = "f32") => {
    const cache = heed.cache({ kvHeads: shape.kvHeads, headDim: shape.headDim, valueDim: shape.valueDim, dtype });
    cache.append(inputs.k, inputs.v);
    return cache;
  };

  /** The same call on a cache and without one, with everything that can be asked for. */
  const expectSame = (options: Omit<CacheTopKOptions, "heads"> & Rules) => {
    using cache = filled();
    const ruled: Inputs = { ...inputs, rules: options };
    const everything = { ...options, indices: true, certificates: true } as const;
    const result = cache.attendTopK(inputs.q, { ...everything, heads: shape.heads });
    expectSparse(ruled, result, options.estimator ?? "linear");
    expectCertificates(ruled, result);
    const plain = { ...optionsOf(shape), ...everything } as const;
    const { seed: _, recall: __, layer: ___, ...known } = plain;
    const expected = heed.attendTopK(inputs.q, inputs.k, inputs.v, known as never) as unknown as typeof result;
    expect(result.indices).toEqual(expected.indices);
    expect(result.offsets).toEqual(expected.offsets);
    result.out.forEach((x, i) => {
      if (!(Math.abs(x - expected.out[i]!) < 2e-5)) expect.fail(`number ${i} is ${x}, not ${expected.out[i]}`);
    });
    result.dropped.forEach((tau, r) => expect(Math.abs(tau - expected.dropped[r]!)).toBeLessThan(2e-6));
    return result;
  };

  test.each(named)("attendTopK with $name: the rows of the call without a cache, certificates", ({ one }) => {
    for (const estimator of estimators) {
      const { info } = expectSame({ ...one, keep: { k: 5 }, estimator });
      const [first] = (["window", "sinks", "softcap", "mask"] as const).filter((name) => one[name] !== undefined);
      const reason = `a search that skips scores does not know ${first}, so all of them were computed`;
      expect(info).toEqual({ search: "exact", estimator, reason });
    }
  });

  test.each(budgets.map((keep) => ({ keep })))("keeps what $keep asks for", ({ keep }) => {
    expectSame({ keep });
    expectSame({ keep, window: 100, sinks: 2, estimator: "renormalized" });
  });

  test.each(["f16", "int8"] as const)("all of the attention that a rule leaves is exact attention, %s", (dtype) => {
    using cache = filled(dtype);
    for (const { one } of named) {
      if (one.sinks !== undefined && one.window === undefined) continue;
      const exact = cache.attend(inputs.q, { heads: shape.heads, ...one });
      const { out, dropped, bound } = cache.attendTopK(inputs.q, { heads: shape.heads, ...one, keep: { mass: 1 } });
      out.forEach((x, i) => expect(Math.abs(x - exact[i]!)).toBeLessThan(2e-5));
      expect([...dropped, ...bound].every((x) => x === 0)).toBe(true);
    }
  });

  test("says why it scanned, whatever was asked for", () => {
    using cache = filled();
    const ask = { heads: shape.heads, keep: { mass: 0.5 } as Keep };
    const reason = "a search that skips scores does not know mass, so all of them were computed";
    const exact = cache.attendTopK(inputs.q, { ...ask, search: "exact" });
    expect(exact.info).toEqual({ search: "exact", estimator: "linear" });
    for (const search of ["auto", "int8", "pages", "lsh"] as const) {
      const result = cache.attendTopK(inputs.q, { ...ask, search });
      expect(result.info).toEqual({ search: "exact", estimator: "linear", reason });
      expect(result.out).toEqual(exact.out);
      // Of the searches that sample their tail by default; nothing was.
      const sampled = search === "pages" || search === "lsh";
      expect(result.interval).toEqual(sampled ? new Float32Array(exact.kept.length) : undefined);
    }
    const certified = cache.attendTopK(inputs.q, { heads: 4, keep: { k: 3 }, search: "int8", certificates: true });
    expect(certified.info.reason).toMatch(/does not know certificates/);
    using bytes = filled("int8");
    expect(bytes.attendTopK(inputs.q, { ...ask, search: "int8" }).info.reason).toBeUndefined();
  });

  test("every search takes a count for each head", () => {
    using cache = filled();
    const keep: Keep[] = [{ k: 3 }, { alpha: 1, exponent: 0.5 }, { k: 30 }, { k: 9, max: 4 }];
    for (const search of ["exact", "int8", "pages", "lsh"] as const) {
      const ask = { heads: 4, search, indices: true } as const;
      const all = cache.attendTopK(inputs.q, { ...ask, keep });
      expect(all.info.search).toBe(search);
      keep.forEach((one, head) => {
        const alone = cache.attendTopK(inputs.q, { ...ask, keep: one });
        for (let r = head; r < all.kept.length; r += 4) {
          const keysOf = ({ indices, offsets }: typeof all) => indices.slice(offsets[r]!, offsets[r + 1]!);
          expect(keysOf(all)).toEqual(keysOf(alone));
          expect(all.dropped[r]).toBe(alone.dropped[r]);
        }
      });
    }
  });

  test("certificates and indices change nothing else", () => {
    using cache = filled();
    const ask = { heads: 4, ...rules.at(-1), keep: { mass: 0.6 } };
    const plain = cache.attendTopK(inputs.q, ask);
    const both = cache.attendTopK(inputs.q, { ...ask, certificates: true, indices: true });
    const { certificates, indices, offsets, ...rest } = both;
    expect(rest).toEqual(plain);
    expect(indices).toHaveLength(offsets.at(-1)!);
    expect(Object.keys(certificates)).toEqual(["singleGap", "headAware", "blockwise", "outputError", "logitError"]);
    for (const bound of Object.values(certificates)) expect(bound).toHaveLength(plain.kept.length);
  });

  test("tensors in, a tensor out", () => {
    using cache = filled();
    using q = heed.tensor(inputs.q);
    const ask = { heads: 4, window: 50, keep: { threshold: 0.01 }, indices: true, certificates: true } as const;
    const { out, ...others } = cache.attendTopK(q, ask);
    const { out: expected, ...rest } = cache.attendTopK(inputs.q, ask);
    expect(out.view().slice()).toEqual(expected);
    expect(others).toEqual(rest);
    out.dispose();
  });

  test("an empty cache, and no queries", () => {
    using cache = heed.cache({ kvHeads: 1, headDim: 4 });
    const ask = { keep: { mass: 0.5 }, window: 3, indices: true, certificates: true } as const;
    const nothing = cache.attendTopK(new Float32Array(8), ask);
    expect([...nothing.kept]).toEqual([0, 0]);
    expect(nothing.out).toEqual(new Float32Array(8));
    expect([...cache.attendTopK(new Float32Array(0), ask).offsets]).toEqual([0]);
  });

  test("what cannot be is refused, by name", () => {
    using cache = filled();
    const bad = (code: Parameters<typeof expectError>[0], text: RegExp, options: object) =>
      expectError(code, text, () => cache.attendTopK(inputs.q, { heads: 4, keep: { k: 3 }, ...options } as never));
    bad("shape-mismatch", /keep is an array of 3; one for each of the 4 heads/, {
      keep: [{ k: 1 }, { k: 1 }, { k: 1 }],
    });
    bad("invalid-argument", /keep\[1\]\.mass is 2/, { keep: [{ k: 1 }, { mass: 2 }, { k: 1 }, { k: 1 }] });
    bad("invalid-argument", /keep\.threshold is 1; a number greater than 0 and less than 1/, {
      keep: { threshold: 1 },
    });
    bad("shape-mismatch", /mask has 5 numbers; queries \* keys = 1820/, { mask: new Uint8Array(5) });
    bad("invalid-argument", /window is 0/, { window: 0 });
    bad("invalid-argument", /sinks is -1/, { sinks: -1 });
    bad("invalid-argument", /softcap is 0/, { softcap: 0 });
    bad("invalid-argument", /certificates is 1/, { certificates: 1 });
    bad("invalid-argument", /no option "lse"/, { lse: true });
    expect(cache.length()).toBe(shape.keys);
  });

  test("no room for the keys that were counted is an error, and everything is given back", async () => {
    const small = await create({ variant: heed.info.variant, maximumMemory: 2 ** 25 });
    const n = 2600;
    const cache = small.cache({ kvHeads: 1, headDim: 1 });
    const q = Float32Array.from({ length: n }, (_, i) => Math.sin(i));
    cache.append(q, q);
    const before = small.memory().liveBytes;
    // Nearly all keys of all rows: 2600 x 1300 numbers.
    expectError("out-of-memory", /no room for \d+ bytes \(indices\)/, () => {
      cache.attendTopK(q, { keep: { mass: 1 }, indices: true });
      cache.attendTopK(new Float32Array(8 * n), { heads: 8, keep: { mass: 1 }, indices: true });
    });
    expect(small.memory().liveBytes).toBe(before);
    expect(cache.length()).toBe(n);
    expect(cache.attendTopK(q, { keep: { mass: 1e-9 }, indices: true }).indices).toHaveLength(n);
    small.dispose();
  });
});
