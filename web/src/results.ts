/** What the calls return, in both entries. A "row" is one (batch entry, query, head), in that order, head fastest. */
import type { Estimator } from "./options.js";
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
  search: "exact";
  estimator: Estimator;
}

/** `attendTopK`. */
export interface TopKResult<Out = Float32Array> {
  /** (batch, queries, heads, valueDim), or head-major. */
  out: Out;
  /** Per row: the attention that was dropped, from 0 to 1. */
  dropped: Float32Array;
  /** Per row: an upper bound of the dropped attention, arithmetic error included. */
  bound: Float32Array;
  /** Per row: entries kept. */
  kept: Uint32Array;
  info: TopKInfo;
}

/** `attendTopK` with `indices: true`. */
export interface IndexedTopKResult<Out = Float32Array> extends TopKResult<Out> {
  /** Kept keys, ascending in each row; row r lies at offsets[r] .. offsets[r + 1]. */
  indices: Uint32Array;
  offsets: Uint32Array;
}

/**
 * Upper bounds, one per row, with every rounding on the way inside. H are the k kept of n visible keys, T the dropped
 * ones, tau the dropped attention; s_H is the lowest kept and s_T the highest dropped score.
 */
export interface Certificates {
  /** Of tau, from two scores: 1 / (1 + k / (n - k) e^(s_H - s_T)). Often near 1: see `headAware`. arXiv 2512.07647. */
  singleGap: Float32Array;
  /** Of tau, from the kept scores and s_T: M / (Σ_H e^s + M) with M = (n - k) e^(s_T). Never above `singleGap`. */
  headAware: Float32Array;
  /**
   * Of tau, when pages of 32 keys of which none is kept are known by their smallest and largest numbers only:
   * M / (Σ_H e^s + M), M the sum of what their keys can weigh at most and of what the other dropped keys weigh.
   */
  blockwise: Float32Array;
  /**
   * Of the l2 distance between the returned row and exact attention in real numbers: Σ_j |p_j - w_j| ||v_j - c||, w the
   * weights of the estimator, and c the returned row, 0 for "raw". Infinity where nothing can be said.
   */
  outputError: Float32Array;
  /** Of the total variation between the softmax of the computed scores and of the exact ones: tanh(D / 2), D their
   * largest distance. The scan is exact but for rounding, so this is small. */
  logitError: Float32Array;
}

/** `attendTopK` with `certificates: true`. */
export interface CertifiedTopKResult<Out = Float32Array> extends TopKResult<Out> {
  certificates: Certificates;
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
