/**
 * Shapes around every boundary that an implementation may have: lanes (4), twice that, a key block, primes; one head and
 * many, grouped heads, both layouts, causal and full, more queries than keys and fewer.
 */
export interface Case {
  queries: number;
  keys: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  valueDim: number;
  batch: number;
  causal: boolean;
  layout: "token-major" | "head-major";
  scale?: number;
}

const plain: Case = {
  queries: 1,
  keys: 1,
  heads: 1,
  kvHeads: 1,
  headDim: 4,
  valueDim: 4,
  batch: 1,
  causal: false,
  layout: "token-major",
};

const lengths = [1, 3, 4, 5, 8, 31, 63, 64, 65, 127, 128, 129, 257];

export const cases: readonly Case[] = [
  ...lengths.map((n) => ({ ...plain, queries: n, keys: n, headDim: 5, valueDim: 5, causal: n % 2 === 1 })),
  ...[1, 3, 4, 5, 31, 64, 65, 128].map((d) => ({ ...plain, queries: 9, keys: 70, headDim: d, valueDim: d })),
  { ...plain, queries: 33, keys: 33, heads: 4, kvHeads: 4, headDim: 16, valueDim: 16, causal: true },
  { ...plain, queries: 40, keys: 67, heads: 6, kvHeads: 2, headDim: 8, valueDim: 12, causal: true },
  { ...plain, queries: 67, keys: 40, heads: 6, kvHeads: 3, headDim: 7, valueDim: 3, causal: true },
  { ...plain, queries: 50, keys: 50, heads: 8, kvHeads: 1, headDim: 33, valueDim: 33, batch: 2 },
  { ...plain, queries: 19, keys: 41, heads: 4, kvHeads: 2, headDim: 16, valueDim: 9, batch: 3, layout: "head-major" },
  {
    ...plain,
    queries: 130,
    keys: 130,
    heads: 2,
    kvHeads: 2,
    headDim: 64,
    valueDim: 64,
    causal: true,
    layout: "head-major",
  },
  { ...plain, queries: 12, keys: 300, heads: 2, kvHeads: 2, headDim: 64, valueDim: 64, scale: 3 },
  { ...plain, queries: 1, keys: 1025, heads: 4, kvHeads: 1, headDim: 64, valueDim: 64 },
];

export function nameOf(shape: Case): string {
  const { queries, keys, heads, kvHeads, headDim, valueDim, batch, causal, layout, scale } = shape;
  const flags = [causal ? "causal" : "", layout === "head-major" ? layout : "", scale ? `scale ${scale}` : ""];
  return [`${batch}x${queries}x${keys} heads ${heads}/${kvHeads} d ${headDim}/${valueDim}`, ...flags].join(" ").trim();
}

/** The options of a call with this shape. */
export function optionsOf(shape: Case) {
  const { heads, kvHeads, headDim, valueDim, batch, causal, layout, scale } = shape;
  return { heads, kvHeads, headDim, valueDim, batch, causal, layout, ...(scale === undefined ? {} : { scale }) };
}

/** As optionsOf, for `scores` and `weights`, which have no values. */
export function scoreOptionsOf(shape: Case) {
  const { valueDim: _, ...rest } = optionsOf(shape);
  return rest;
}
