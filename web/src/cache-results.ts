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

/** A cache's `attendTopK`. */
export interface CacheTopKResult<Out = Float32Array> extends Omit<TopKResult<Out>, "info"> {
  /** How it was computed. */
  info: CacheTopKInfo;
}

/** A cache's `attendTopK` with `indices: true`. */
export interface IndexedCacheTopKResult<Out = Float32Array> extends Omit<IndexedTopKResult<Out>, "info"> {
  /** How it was computed. */
  info: CacheTopKInfo;
}

/**
 * A cache's `attendTopK` with `certificates: true`. They count every rounding after the tokens were stored; those of an
 * "int8" cache also that of the queries, which makes them wider.
 */
export interface CertifiedCacheTopKResult<Out = Float32Array> extends Omit<CertifiedTopKResult<Out>, "info"> {
  /** How it was computed. */
  info: CacheTopKInfo;
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
  /** "f64" where some row has entries that a plain f32 sum cannot tell from nothing. For `attend` of all tokens. */
  accumulate: "f32" | "f64";
}

/** A cache's `evict`. */
export interface Evicted {
  /** The layer's new length. */
  length: number;
  /** Per row: the attention that it gave to what went. Later queries may miss more, or less. */
  lost: Float32Array;
}
