/** What the calls return, in both entries. A "row" is one (batch entry, query, head), in that order, head fastest. */
import type { Estimator, Search } from "./options.js";
import type { Features } from "./runtime/features.js";
import type { VariantName } from "./runtime/variants.js";

/** What was loaded, and why not more. */
export interface Info {
  version: string;
  variant: VariantName;
  /** Threads that work, the caller's included. */
  threads: number;
  /** Why fewer threads than asked for run, in a sentence; null when nothing was held back. */
  reason: string | null;
  features: Features;
}

/** Bytes, for finding leaks. */
export interface MemoryUse {
  /** Held by tensors and by calls that are running. */
  liveBytes: number;
  /** Size of the module's memory, which never shrinks. */
  totalBytes: number;
}

/** `attend` with `lse: true`. */
export interface AttendResult<Out = Float32Array> {
  /** (batch, queries, heads, valueDim), or head-major. */
  out: Out;
  /** (batch, queries, heads): log of the softmax denominator; -Infinity where a row sees no key. */
  lse: Float32Array;
}

/** How a sparse result came about. */
export interface TopKInfo {
  /** The search that ran. */
  search: Exclude<Search, "auto">;
  estimator: Estimator;
  /** Why this search ran, where that was not simply asked for. */
  reason?: string;
  /** With "lsh": the mean share of the exact set that was found, on up to 32 rows evenly spread; 1 without rows. */
  recall?: number;
}

/** `attendTopK`. */
export interface TopKResult<Out = Float32Array> {
  /** (batch, queries, heads, valueDim), or head-major. */
  out: Out;
  /** Per row: the attention that was dropped, from 0 to 1; what is known of it where scores were skipped (`tail`). */
  dropped: Float32Array;
  /** Per row: an upper bound of the dropped attention, arithmetic error included. */
  bound: Float32Array;
  /** Per row: entries kept. */
  kept: Uint32Array;
  /**
   * With `tail: "sampled"`, per row: half the width of the 95 % confidence interval around `dropped`, by the normal
   * approximation. Not a bound: one large weight that the sample missed lies outside. 0 where nothing was estimated.
   */
  interval?: Float32Array;
  info: TopKInfo;
}

/** `attendTopK` with `indices: true`. */
export interface IndexedTopKResult<Out = Float32Array> extends TopKResult<Out> {
  /** Kept keys, ascending in each row; row r lies at offsets[r] .. offsets[r + 1]. */
  indices: Uint32Array;
  offsets: Uint32Array;
}

/** `selectTopK`: score descending, then index ascending, NaN last. */
export interface Selection {
  indices: Uint32Array;
  values: Float32Array;
}

/** One row of the simulation E1. */
export interface CollapseRow {
  n: number;
  d: number;
  epsilon: number;
  /** Mean number of entries of a row above epsilon. */
  effective: number;
  /** 1 - effective / n. */
  ineffectiveShare: number;
  /** The same share for Gaussian logits of standard deviation `sigma`. */
  closedForm: number;
  /** Standard deviation of the off-diagonal logits, measured. */
  sigma: number;
}

/** The rows that each simulation yields. */
export interface SimulationRows {
  E1: CollapseRow;
}
