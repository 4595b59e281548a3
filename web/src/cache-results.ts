/** What the calls on a cache return, in both entries. A "row" is one (query, head), head fastest. */
import type { Estimator } from "./options.js";
import type { CertifiedTopKResult, IndexedTopKResult, TopKResult } from "./results.js";

/** How a sparse result of a cache came about. */
export interface CacheTopKInfo {
  /** The search that ran. */
  search: "exact" | "int8" | "pages" | "lsh";
  /** Why, where it is not the one that was asked for. */
  reason?: string;
  /** As it was used. */
  estimator: Estimator;
  /** With `recall: true`: the share of the exact set that was found, mean over rows. */
  recall?: number;
}

/** A number per row, as far as it is known. */
export interface MonitoredInterval {
  /** The number itself, or the best estimate: that of the sample, or the middle of the bounds (`k`: the upper one). */
  value: Float64Array;
  /** It is no less... */
  lower: Float64Array;
  /** ...and no more, as surely as `source` says. */
  upper: Float64Array;
}

/**
 * A cache's `attendTopK` with `monitor`: what is known of the attention over all tokens, per row. NaN for spoiled rows.
 * Formulas: cpp/cache/kept_monitor.hpp.
 */
export interface MonitoredTopK {
  /**
   * What it comes from.
   *
   * - `"scores"`, search "exact": all scores. The three numbers are the same.
   * - `"bounds"`, search "int8", and "pages" or "lsh" without a sample: the true numbers lie within, always.
   * - `"sample"`, `tail: "sampled"`: 99 % intervals of a uniform sample of 96 of the tokens that were not kept, cut off
   *   where the bounds exclude more. They suppose that means over the sample are nearly normal: of Gaussian scores with
   *   a standard deviation up to 2 they hold in at least 95 % of draws. A rare large weight that the sample missed is
   *   in none.
   */
  source: "scores" | "bounds" | "sample";
  /** Log of the softmax denominator. */
  lse: MonitoredInterval;
  /** Attention to the tokens that were not kept. */
  dropped: MonitoredInterval;
  /** Of the probabilities, in nats. */
  entropy: MonitoredInterval;
  /** Entries above `epsilon`. */
  effective: MonitoredInterval;
  /** Entries above 2^-25, half a unit in the last place of an f32 sum near 1. */
  seen: MonitoredInterval;
  /** The fewest entries that leave out at most `mass`. */
  k: MonitoredInterval;
}

/** A cache's `attendTopK`. */
export interface CacheTopKResult<Out = Float32Array> extends Omit<TopKResult<Out>, "info"> {
  /** How it was computed. */
  info: CacheTopKInfo;
  /** With `monitor`. */
  monitored?: MonitoredTopK;
}

/** A cache's `attendTopK` with `indices: true`. */
export interface IndexedCacheTopKResult<Out = Float32Array> extends Omit<IndexedTopKResult<Out>, "info"> {
  /** How it was computed. */
  info: CacheTopKInfo;
  /** With `monitor`. */
  monitored?: MonitoredTopK;
}

/**
 * A cache's `attendTopK` with `certificates: true`. They count every rounding after the tokens were stored; those of an
 * "int8" cache also that of the queries, which makes them wider.
 */
export interface CertifiedCacheTopKResult<Out = Float32Array> extends Omit<CertifiedTopKResult<Out>, "info"> {
  /** How it was computed. */
  info: CacheTopKInfo;
  /** With `monitor`. */
  monitored?: MonitoredTopK;
}

/** A cache's `attend` with `monitor`. */
export interface MonitoredAttendResult<Out = Float32Array> {
  /** (n, heads, dim). */
  out: Out;
  /** With `lse: true`: per row, the natural logarithm of the softmax denominator. */
  lse?: Float32Array;
  /** By row and head. */
  monitored: Monitored;
}

/** A cache's `monitor`; each array is per row. Formulas: cpp/cache/monitor.hpp. */
export interface Monitored {
  /** Log of the softmax denominator, -Infinity or 0 where a row sees nothing. */
  lse: Float64Array;
  /** Of the probabilities, in nats: from 0, one token, to ln n, all alike. */
  entropy: Float64Array;
  /** Entries above `epsilon`. */
  effective: Float64Array;
  /** Entries above 2^-25, half a unit in the last place of an f32 sum near 1. */
  seen: Float64Array;
  /** Attention to the first tokens. */
  sink: Float64Array;
  /** Attention to the newest visible token. */
  self: Float64Array;
  /** Standard deviation of the scores. */
  sigma: Float64Array;
  /** The largest probability. */
  largest: Float64Array;
  /** Entries that are known to leave out at most `mass`; few more than are needed where scores are spread evenly. */
  k: Float64Array;
  /** 1 - sigma² / (2 ln n), from 0 to 1: the C of alpha n^C that keeps the mass if scores are Gaussian (ours). */
  exponent: Float64Array;
  /**
   * "f64" where some row has entries that a plain f32 sum cannot tell from nothing: what to pass as `accumulate` to the
   * cache's `attend`, or to `attend` over all tokens.
   */
  accumulate: "f32" | "f64";
}

/** A cache's `evict`. */
export interface Evicted {
  /** The layer's new length. */
  length: number;
  /** Per row: the attention that it gave to what went. Later queries may miss more, or less. */
  lost: Float32Array;
}
