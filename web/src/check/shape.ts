/**
 * The shape of a call. The numbers of queries and keys come from the lengths, so every length is checked against
 * everything else that is known about it.
 */
import { HeedError } from "../errors.js";
import type { ScoreOptions, ScoreRules } from "../options.js";
import { checkLength } from "./arrays.js";
import { checkFlag, checkWord } from "./names.js";
import { checkCount, checkFinite } from "./numbers.js";
import { checkRules, type Rules, type SinkUse } from "./rules.js";

/** Options that every call with a shape has. */
export const shapeOptionNames = [
  "heads",
  "kvHeads",
  "headDim",
  "batch",
  "causal",
  "scale",
  "layout",
  "dtype",
  "validate",
  "signal",
  "onProgress",
  "transfer",
] as const;

/** One attention problem without its numbers. */
export interface Shape extends Rules {
  batch: number;
  queries: number;
  keys: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  valueDim: number;
  scale: number;
  causal: boolean;
  headMajor: boolean;
}

/** Rows of the score matrices: (batch entry, query, head). */
export function rowsOf(shape: Shape): number {
  return shape.batch * shape.queries * shape.heads;
}

/** Numbers of the result of `attend`. */
export function outLength(shape: Shape): number {
  return rowsOf(shape) * shape.valueDim;
}

function tokens(name: string, length: number, product: number, factors: string): number {
  const count = length / product;
  if (Number.isInteger(count)) return count;
  throw new HeedError(
    "shape-mismatch",
    `${name} has ${length} numbers; a multiple of ${factors} = ${product} is needed`,
  );
}

/**
 * q: (batch, queries, heads, headDim)   k: (batch, keys, kvHeads, headDim)   v: (batch, keys, kvHeads, valueDim)
 *
 * @throws {HeedError} `invalid-argument`, `shape-mismatch`
 */
export function checkShape(
  options: ScoreOptions & ScoreRules & { valueDim?: number },
  lengths: { q: number; k: number; v?: number },
  sinks?: SinkUse,
): Shape {
  const heads = checkCount("heads", options.heads);
  const kvHeads = options.kvHeads === undefined ? heads : checkCount("kvHeads", options.kvHeads);
  const headDim = checkCount("headDim", options.headDim);
  const valueDim = options.valueDim === undefined ? headDim : checkCount("valueDim", options.valueDim);
  const batch = options.batch === undefined ? 1 : checkCount("batch", options.batch);
  if (heads % kvHeads !== 0) {
    throw new HeedError(
      "shape-mismatch",
      `heads is ${heads} and kvHeads is ${kvHeads}; heads must be a multiple of kvHeads`,
    );
  }
  const queries = tokens("q", lengths.q, batch * heads * headDim, "batch * heads * headDim");
  const keys = tokens("k", lengths.k, batch * kvHeads * headDim, "batch * kvHeads * headDim");
  if (lengths.v !== undefined) {
    const needed = batch * keys * kvHeads * valueDim;
    checkLength("v", lengths.v, needed, `batch * keys * kvHeads * valueDim with the ${keys} keys of k`);
  }
  return {
    batch,
    queries,
    keys,
    heads,
    kvHeads,
    headDim,
    valueDim,
    scale: options.scale === undefined ? 1 / Math.sqrt(headDim) : checkFinite("scale", options.scale),
    causal: checkFlag("causal", options.causal, false),
    headMajor: checkWord("layout", options.layout ?? "token-major", ["token-major", "head-major"]) === "head-major",
    ...checkRules(options, sinks),
  };
}
