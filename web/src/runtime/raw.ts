/**
 * The core module as Embind exposes it: addresses, sizes and status codes, nothing that a caller of the package sees.
 *
 * What every module has is in raw-module.ts, the study module in raw-study.ts. All are written by hand, because the
 * generated declarations name no arguments; tests/web/node/raw.test.ts compares the names with what every built variant
 * really exports. Addresses are byte offsets into `wasmMemory`; 0 is "none".
 */
import type { RawJob, RawModule, RawStatus } from "./raw-module.js";

/** Shapes and addresses of one attention problem. All arrays are dense, in the given layout. */
export interface RawProblem {
  /** (batch, queries, heads, headDim), or (batch, heads, queries, headDim) when headMajor. */
  q: number;
  /** (batch, keys, kvHeads, headDim), or head-major. */
  k: number;
  /** (batch, keys, kvHeads, valueDim), or head-major. */
  v: number;
  /** (batch, queries, heads, valueDim), or head-major; written. */
  out: number;
  /** Added to the scores: (queries, keys) f32, or (heads, queries, keys) when maskPerHead; or 0. */
  bias: number;
  /** 0 hides a key: u8, shaped likewise; or 0. At most one of `bias` and `allowed` is given. */
  allowed: number;
  /** (batch, queries, heads) natural log of the softmax denominator, or 0. -inf where no key is visible. */
  lse: number;
  batch: number;
  queries: number;
  keys: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  valueDim: number;
  /** The last so many visible keys of a row, its own included; 0 for all. */
  window: number;
  /** The first so many keys, which a window does not hide. */
  sinks: number;
  scale: number;
  /** c of c tanh(s / c); 0 for none. */
  softcap: number;
  causal: boolean;
  headMajor: boolean;
  maskPerHead: boolean;
  /** Index into `rawAccumulate`. 2 is for PreciseJob. */
  accumulate: number;
}

/** Order of `Accumulate` in cpp/attention/problem.hpp. */
export const rawAccumulate = ["f32", "compensated", "f64"] as const;

/** Order of `Estimator` in cpp/sparse/tail.hpp. */
export const rawEstimators = ["renormalized", "raw", "compensated", "linear"] as const;

/** One budget as the module reads it: so many f64, in this order. */
export const rawBudgetNumbers = ["k", "alpha", "exponent", "min", "max", "mass", "threshold"] as const;

/** Order of `Denominator` in cpp/sparse/topk_options.hpp. */
export const rawDenominators = ["accurate", "fast"] as const;

export interface RawTopKOptions {
  /**
   * `budgetCount` records of `rawBudgetNumbers`: one, or one for each query head. `k`, `mass`, `threshold` are 0 when
   * they do not decide; when none of them does, the window law ceil(alpha n^exponent) does. `min` and `max` limit every
   * kind: max(1, min) <= entries <= max, `max` 0 for no limit.
   */
  budgets: number;
  budgetCount: number;
  /** Index into `rawEstimators`. */
  estimator: number;
  /** Index into `rawDenominators`. */
  denominator: number;
  /** (batch, queries, heads) f32, written: the dropped mass tau. */
  dropped: number;
  /** (batch, queries, heads) f32, written: an upper bound of tau with arithmetic error included. */
  bound: number;
  /** (batch, queries, heads) u32, written: entries kept. */
  kept: number;
  /** u32 indices, ascending per row, row r at offsets[r], or 0 when not wanted. */
  indices: number;
  /** (batch * queries * heads + 1) u32 from `topKOffsets`, or 0 when `indices` is 0. */
  offsets: number;
  /** (batch, queries, heads) f32 each, written: certificates; all of them or all 0. */
  singleGap: number;
  headAware: number;
  blockwise: number;
  outputError: number;
  logitError: number;
  /** Only `kept` is written. */
  onlyCount: boolean;
}

/** Order of `Search` in cpp/retrieve/key_index.hpp. */
export const rawSearches = ["exact", "pages", "int8", "lsh"] as const;

/** Attention over retrieved keys. Not for problems with window, sinks, mask or softcap. */
export interface RawRetrievalOptions {
  /** Index into `rawSearches`, not 0. With an index that is handed over, its kind counts. */
  search: number;
  /** The budget: `k`, or with k 0 the window law ceil(alpha n^exponent), clamped to max(1, min) and max (0: none). */
  k: number;
  alpha: number;
  exponent: number;
  min: number;
  max: number;
  /** Index into `rawEstimators`; 0 unless `sampled`. */
  estimator: number;
  /** The tail from a sample of the keys that are not kept. */
  sampled: boolean;
  /** pages: stop as soon as the dropped mass is certified to be at most this; 0 for the exact set. */
  enough: number;
  /** Of hashes and samples: an integer. */
  seed: number;
  /** (batch, queries, heads), written or 0: f32, f32, f32, u32 as in RawTopKOptions; `interval` is a half-width. */
  dropped: number;
  bound: number;
  interval: number;
  kept: number;
  indices: number;
  /** From `retrievedOffsets`, or 0. */
  offsets: number;
  /** 32 f32, or 0: lsh writes the shares of the exact set that some rows found, and leaves the others as they are. */
  recall: number;
}

/** What a probe of a few rows found: the search to run, and the shares of the keys that int8 and pages scored. */
export interface RawSearchChoice {
  search: number;
  screened: number;
  visited: number;
}

/** Order of `RowType` in cpp/simd/cached_rows.hpp. */
export const rawCacheTypes = ["f32", "f16", "int8"] as const;

export interface RawCacheShape {
  layers: number;
  kvHeads: number;
  headDim: number;
  valueDim: number;
  /** Most tokens of a layer. */
  capacity: number;
  /** Index into `rawCacheTypes`. */
  type: number;
}

/** Order of `CacheSearch` in cpp/cache/topk_options.hpp. */
export const rawCacheSearches = ["exact", "int8", "pages", "lsh"] as const;

/** Top-k decoding; the arrays are (queries, heads). */
export interface RawCacheTopKOptions {
  /** As in RawTopKOptions. */
  budgets: number;
  budgetCount: number;
  /** Index into `rawEstimators`. */
  estimator: number;
  /** Index into `rawCacheSearches`. 0 where a rule, a budget of probabilities or certificates need every score. */
  search: number;
  /** As in RawRetrievalOptions; of searches that skip scores. */
  enough: number;
  seed: number;
  sampled: boolean;
  /** (queries, heads), written or 0: f32, but u32 for `kept`. */
  dropped: number;
  bound: number;
  interval: number;
  recall: number;
  kept: number;
  indices: number;
  /** From `cacheOffsets`, or 0. */
  offsets: number;
  /** As in RawTopKOptions. */
  singleGap: number;
  headAware: number;
  blockwise: number;
  outputError: number;
  logitError: number;
  onlyCount: boolean;
  /** As in RawMonitorOptions. */
  epsilon: number;
  mass: number;
  /** (queries, heads, rawKeptMonitored.length, 3) f64, written; 0 for nothing monitored. */
  monitored: number;
}

/** What is monitored where tokens were skipped, three numbers each, in the order of cpp/cache/kept_monitor.cpp. */
export const rawKeptMonitored = ["lse", "dropped", "entropy", "effective", "seen", "k"] as const;

/** Order of `EvictPolicy` in cpp/cache/evict.hpp. */
export const rawPolicies = ["recent", "votes", "loss"] as const;

export interface RawEvictOptions {
  /** Index into `rawPolicies`. */
  policy: number;
  sinks: number;
  recent: number;
  /** For "votes": tokens in all, and the odd number of neighbors that a vote is the largest of. */
  keep: number;
  width: number;
  /** For "loss". */
  loss: number;
  /** Whether recorded attention votes, and not the queries. */
  recorded: boolean;
  /** (queries, heads) f32, written: the attention that each voting row gave to what went. */
  lost: number;
}

/** The numbers of a row of the monitor, in the order of cpp/cache/monitor.hpp. */
export const rawMonitored = [
  "lse",
  "entropy",
  "effective",
  "seen",
  "sink",
  "self",
  "sigma",
  "largest",
  "k",
  "exponent",
] as const;

export interface RawMonitorOptions {
  epsilon: number;
  mass: number;
  /** Tokens whose mass is `sink`. */
  first: number;
  /** (queries, heads, rawMonitored.length) f64, written; 0 for nothing monitored. */
  out: number;
  /** (kvHeads, tokens) f64, written: what each token gets of all rows' attention together; or 0. */
  received: number;
}

/** A cache. No call may come between the creation of a job and its end. */
export interface RawKvCache {
  /** Final after construction. Nothing else may be called after a failure. */
  status(): RawStatus;
  /** Tokens that a layer holds. */
  length(layer: number): number;
  /** Of all pages, those that a fork shares too. */
  bytes(): number;
  /** `keys` (tokens, kvHeads, headDim), `values` (tokens, kvHeads, valueDim) f32. A failure changes nothing. */
  append(layer: number, keys: number, values: number, tokens: number): RawStatus;
  /** Keeps the first `length` tokens of every layer that has more. */
  rewind(length: number): RawStatus;
  /** The same for one layer, which must have as many. */
  rewindLayer(layer: number, length: number): RawStatus;
  clear(): void;
  /** Shares all that `other` holds. This cache must be new and of the same shape. */
  forkFrom(other: RawKvCache): RawStatus;
  /** The queries of the problem vote; a failure changes nothing. */
  evict(problem: RawDecodeProblem, options: RawEvictOptions): RawStatus;
  /** Adds `received` (kvHeads, tokens) f64 to what the layer's first tokens received. A failure changes nothing. */
  record(layer: number, received: number, tokens: number): RawStatus;
  /** Writes what was recorded, (kvHeads, length) f64. */
  recorded(layer: number, to: number): void;
  /** What `save` writes. */
  savedBytes(): number;
  save(to: number): void;
  /** Replaces all that it holds. A failure changes nothing. */
  restore(from: number, bytes: number): RawStatus;
  delete(): void;
}

/** Addresses of one call on a cache, whose layer's tokens are the keys; causal, ends aligned. */
export interface RawDecodeProblem {
  /** (queries, heads, headDim). */
  q: number;
  /** (queries, heads, valueDim), written. */
  out: number;
  /** (queries, heads), written; or 0. */
  lse: number;
  /** As in `RawProblem`, with the layer's length as the number of keys. */
  bias: number;
  allowed: number;
  layer: number;
  queries: number;
  heads: number;
  window: number;
  sinks: number;
  scale: number;
  softcap: number;
  maskPerHead: boolean;
  /** Index into `rawAccumulate`. */
  accumulate: number;
}

/** The core module: attention, top-k, searches, caches and the theory. */
export interface RawCore extends RawModule {
  ExactJob: new (problem: RawProblem) => RawJob;
  /** The same in double, for `accumulate` 2. */
  PreciseJob: new (problem: RawProblem) => RawJob;
  TopKJob: new (problem: RawProblem, options: RawTopKOptions) => RawJob;
  /**
   * Writes (batch * queries * heads + 1) u32 running totals of the entries that each row keeps to `offsets`, and
   * returns the total; -1 when it does not fit in u32, -2 when it depends on the scores or on a mask: then a job with
   * `onlyCount` comes first. Rows in the order (batch, query, head).
   */
  topKOffsets(problem: RawProblem, options: RawTopKOptions, offsets: number): number;
  /** The same from what such a job wrote to `kept`; the total, or -1. */
  countedOffsets(kept: number, rows: number, offsets: number): number;
  /** An index over the keys `problem.k`, which stay where they are; `search` indexes `rawSearches`. */
  IndexJob: new (problem: RawProblem, search: number, seed: number) => RawJob;
  /** `index`: an IndexJob that has run, over the same keys; null to build one first. */
  RetrieveJob: new (problem: RawProblem, options: RawRetrievalOptions, index: RawJob | null) => RawJob;
  /** As topKOffsets, for rows that are retrieved. */
  retrievedOffsets(problem: RawProblem, options: RawRetrievalOptions, offsets: number): number;
  /** Tries some rows of the first head. */
  chooseSearch(problem: RawProblem, options: RawRetrievalOptions): RawSearchChoice;
  /**
   * Scores (`weights` false) or probabilities (`weights` true) of one batch entry and one head, written to `out`
   * (queries, keys) f32. Masked entries are -inf as scores, 0 as weights.
   */
  ScoresJob: new (problem: RawProblem, batch: number, head: number, weights: boolean) => RawJob;
  /** Positions of the k largest of `scores` (count) in rank order: score descending, index ascending, NaN last. */
  selectTopK(scores: number, count: number, k: number, indices: number, values: number): RawStatus;
  KvCache: new (shape: RawCacheShape) => RawKvCache;
  /** Exact attention of new queries over a cache; a unit is a block of queries. */
  /** Monitors where `monitor.out` is not 0, and does nothing else where `problem.out` is 0. */
  CacheAttendJob: new (cache: RawKvCache, problem: RawDecodeProblem, monitor: RawMonitorOptions) => RawJob;
  /** Top-k attention of new queries over a cache; a unit is a block of queries. */
  CacheTopKJob: new (cache: RawKvCache, problem: RawDecodeProblem, options: RawCacheTopKOptions) => RawJob;
  /** As `topKOffsets`, for (queries, heads) of a call on a cache. */
  cacheOffsets(cache: RawKvCache, problem: RawDecodeProblem, options: RawCacheTopKOptions, offsets: number): number;

  /**
   * The formulas of theory/: numbers in the order of their parameters in web/src/check/theory.ts, a list as address and
   * count. Those with more than one result write them to `out` as f64, in the order of web/src/operations/theory.ts.
   */
  effectiveEntries(n: number, epsilon: number, sigma: number, out: number): void;
  gaussianTopK(n: number, k: number, sigma: number, out: number): void;
  keepForMass(n: number, sigma: number, mass: number): number;
  logitBound(n: number, delta: number, radius: number, rigorous: number, stableRank: number, out: number): void;
  regime(n: number, sigma: number, selfScore: number, out: number): void;
  sufficiency(n: number, exponent: number, spread: number, out: number): void;
  necessity(n: number, k: number, spread: number, out: number): void;
  /** `lengths`: u32. `cost`: 0 one length, 1 prefill, 2 decode. */
  // prettier-ignore
  alignCost(
    lengths: number, count: number, k: number, exponent: number, cost: number, min: number, max: number, out: number,
  ): void;
  /** `lengths`: u32, `sigma`: as many f64. */
  // prettier-ignore
  equalCost(
    lengths: number, count: number, sigma: number, sigmas: number, k: number, exponent: number, cost: number,
    out: number,
  ): void;
  /** `sigma`: f64. */
  policies(n: number, k: number, sigma: number, rows: number, out: number): void;
  /** f64 lists. `method`: 0 fit, 1 grid, 2 theory. */
  // prettier-ignore
  calibrate(
    lengths: number, count: number, entries: number, counted: number, method: number, holdOut: number, mass: number,
    sigma: number, sigmas: number, out: number,
  ): void;
  /** `scores`: f64, which it sorts. */
  certificates(scores: number, count: number, k: number, out: number): void;
  singleGap(n: number, k: number, gap: number): number;
  headAware(n: number, k: number, logKept: number, next: number): number;
  logitError(error: number): number;
  /** `format`: a place in `NumberFormat` of cpp/theory/number_format.hpp. */
  rounded(x: number, format: number): number;
  /** One head: the numbers of `Radius` as f64 at `result`, in the order of cpp/theory/radius.hpp. */
  RadiusJob: new (options: RawRadiusOptions) => RawJob;
  /** |S_eps| / n for Gaussian logits of standard deviation sigma. */
  gaussianIneffectiveShare(n: number, epsilon: number, sigma: number): number;
  /** clamp(ceil(alpha n^exponent - 1e-9), max(1, min), n), max 0 for none. */
  windowLaw(n: number, alpha: number, exponent: number, min: number, max: number): number;
}

export interface RawRadiusOptions {
  /** (headDim, width) f32 each. */
  queryWeights: number;
  keyWeights: number;
  headDim: number;
  width: number;
  /** (tokens, width) f32, or 0 and no tokens. */
  inputs: number;
  tokens: number;
  scale: number;
  /** 0: what the inputs say, or sqrt(width). */
  bound: number;
  /** 0: what the inputs say, or 1. */
  meanSquare: number;
  /** 0 halves, 1 neighbors. */
  pairs: number;
  /** 0: no rotary positions. */
  base: number;
  length: number;
  /** f64, written. */
  result: number;
}
