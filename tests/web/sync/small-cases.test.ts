/**
 * Ten thousand small cases of every rule at once: the kept set is that of a full sort of `scores` of the same build,
 * for every search that promises the exact set. Scores are whole numbers and tie, some are NaN, infinite or -0; and the
 * same on real queries and keys.
 */
import { create, type Keep } from "heed/sync";
import { afterAll, expect, test } from "vitest";

import { expectedSync } from "../support/expected-variants.js";
import { goldenBytes } from "../support/golden.js";
import { Random } from "../support/random.js";
import { keepingOrder, rowsOf, seenKeys, type Inputs, type Rules } from "../support/reference.js";
import { optionsOf, scoreOptionsOf, type Case } from "../support/shapes.js";

const heed = await create({ variant: expectedSync.includes("relaxed") ? "relaxed" : "simd" });
afterAll(() => heed.dispose());

const cases = 10000;

class Choice {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new Random(seed);
  }

  below(count: number): number {
    return Math.floor(this.#random.uniform() * count);
  }

  oneIn(count: number): boolean {
    return this.below(count) === 0;
  }

  numbers(length: number, finite: boolean): Float32Array {
    return Float32Array.from({ length }, () => {
      const special = finite ? undefined : [NaN, Infinity, -Infinity, -0][this.below(40)];
      return special ?? this.below(7) - 3;
    });
  }
}

function smallRules(choice: Choice, { heads, queries, keys }: Case): Rules {
  const rules: Rules = {};
  if (choice.oneIn(2)) rules.window = 1 + choice.below(20);
  if (choice.oneIn(2)) rules.sinks = choice.below(6);
  if (choice.oneIn(4)) rules.softcap = 2;
  const size = queries * keys * (choice.oneIn(2) ? 1 : heads);
  const kind = choice.below(4);
  if (kind === 0) rules.mask = Uint8Array.from({ length: size }, () => (choice.oneIn(3) ? 0 : 1));
  else if (kind === 1) {
    rules.mask = Float32Array.from({ length: size }, () => (choice.oneIn(4) ? -Infinity : choice.below(3)));
  }
  return rules;
}

function smallInputs(choice: Choice): Inputs {
  const kvHeads = 1 + choice.below(2);
  const shape: Case = {
    queries: 1 + choice.below(3),
    keys: choice.oneIn(20) ? 0 : 1 + choice.below(64),
    heads: kvHeads * (1 + choice.below(2)),
    kvHeads,
    headDim: 1 + choice.below(2),
    valueDim: 1,
    batch: 1,
    causal: choice.oneIn(2),
    layout: choice.oneIn(2) ? "token-major" : "head-major",
    scale: 1,
  };
  const finite = choice.oneIn(2);
  const q = choice.numbers(shape.queries * shape.heads * shape.headDim, finite);
  const k = choice.numbers(shape.keys * kvHeads * shape.headDim, finite);
  return { shape, q, k, v: new Float32Array(shape.keys * kvHeads).fill(1), rules: smallRules(choice, shape) };
}

/** "raw" needs every score, so that all run the scan; with "renormalized" the others skip scores where they may. */
const searches = [
  { search: "exact", estimator: "raw" },
  { search: "pages", estimator: "renormalized" },
  { search: "int8", estimator: "renormalized" },
] as const;

function expectSortedSets(inputs: Inputs, keep: Keep, search: (typeof searches)[number]): string {
  const { q, k, v, shape, rules = {} } = inputs;
  const { sinks = 0, ...rest } = rules;
  const result = heed.attendTopK(q, k, v, { ...optionsOf(shape), ...rules, keep, ...search, indices: true });
  const windowed = rest.window === undefined ? rest : { ...rest, sinks };
  const scores = heed.scores(q, k, { ...scoreOptionsOf(shape), ...windowed });
  rowsOf(shape).forEach(({ b, i, h }, r) => {
    const at = ((b * shape.heads + h) * shape.queries + i) * shape.keys;
    const order = keepingOrder(seenKeys(inputs, i, h), scores.subarray(at, at + shape.keys), sinks);
    const kept = [...result.indices.subarray(result.offsets[r]!, result.offsets[r + 1]!)];
    if ("k" in keep) expect(kept.length).toBe(Math.min(keep.k, order.length));
    expect(kept).toEqual(order.slice(0, kept.length).sort((x, y) => x - y));
  });
  return result.info.search;
}

function smallKeep(choice: Choice): Keep {
  const kind = choice.below(4);
  if (kind === 0) return { mass: 0.01 + 0.11 * choice.below(10) };
  if (kind === 1) return { threshold: 0.001 + 0.09 * choice.below(10) };
  return { k: 1 + choice.below(70) };
}

test.each(searches)(
  `${cases} small cases keep the first of a full sort, $search`,
  (search) => {
    for (let seed = 0; seed < cases; ++seed) {
      const choice = new Choice(seed);
      const inputs = smallInputs(choice);
      // What would make a search skip nothing is left to the scan.
      const scans = search.search === "exact";
      const keep = scans ? smallKeep(choice) : { k: 1 + choice.below(20) };
      try {
        const used = expectSortedSets(scans ? inputs : { ...inputs, rules: {} }, keep, search);
        expect(used).toBe(search.search);
      } catch (error) {
        throw new Error(`case ${seed}`, { cause: error });
      }
    }
  },
  120_000,
);

/** A tensor of a file of half floats, widened by the module on its way. */
function halves(file: Uint8Array<ArrayBuffer>, name: "q" | "k" | "v"): Uint16Array {
  const size = Number(new DataView(file.buffer).getBigUint64(0, true));
  const text = new TextDecoder().decode(file.subarray(8, 8 + size));
  const header = JSON.parse(text) as Record<string, { data_offsets: number[] }>;
  const [from, to] = header[name]!.data_offsets as [number, number];
  return new Uint16Array(file.slice(8 + size + from, 8 + size + to).buffer);
}

test.each([0, 3, 6])("the same on the real queries and keys of layer %i", async (layer) => {
  const file = await goldenBytes(`qkv/layer-${layer}.safetensors`);
  const [q, k, v] = [halves(file, "q"), halves(file, "k"), halves(file, "v")];
  const options = { heads: 2, kvHeads: 1, headDim: 64, causal: true, dtype: "f16" } as const;
  const scores = heed.scores(q, k, options);
  const keys = 320;
  const budgets: Keep[] = [{ k: 8 }, { k: 100 }, { mass: 0.9 }, { threshold: 0.01 }];
  for (const [keep, search] of budgets.flatMap((keep) => searches.map((search) => [keep, search] as const))) {
    const { indices, offsets, info } = heed.attendTopK(q, k, v, { ...options, keep, ...search, indices: true });
    expect(info.search).toBe("k" in keep ? search.search : "exact");
    for (let r = 0; r < 2 * keys; ++r) {
      const [i, h] = [r >> 1, r & 1];
      const visible = Array.from({ length: i + 1 }, (_, j) => j);
      const order = keepingOrder(visible, scores.subarray((h * keys + i) * keys, (h * keys + i + 1) * keys), 0);
      const kept = [...indices.subarray(offsets[r]!, offsets[r + 1]!)];
      if ("k" in keep) expect(kept.length).toBe(Math.min(keep.k, i + 1));
      expect(kept).toEqual(order.slice(0, kept.length).sort((a, b) => a - b));
    }
  }
});
