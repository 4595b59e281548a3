/** What the calls on a cache return, in both entries. A "row" is one (query, head), head fastest. */
import type { Estimator } from "./options.js";
import type { IndexedTopKResult, TopKResult } from "./results.js";

/** How a sparse result of a cache came about. */
export interface CacheTopKInfo {
  /** The search that ran. */
  search: "exact" | "int8";
  estimator: Estimator;
}

/** A cache's `attendTopK`. */
export interface CacheTopKResult<Out = Float32Array> extends Omit<TopKResult<Out>, "info"> {
  info: CacheTopKInfo;
}

/** A cache's `attendTopK` with `indices: true`. */
export interface IndexedCacheTopKResult<Out = Float32Array> extends Omit<IndexedTopKResult<Out>, "info"> {
  info: CacheTopKInfo;
}
