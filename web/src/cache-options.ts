/** What a caller may pass to a cache of keys and values, in both entries. */
import type { Accumulate, CallOptions, Estimator, Keep, ScoreRules, TailSource } from "./options.js";

/**
 * How a cache keeps its numbers.
 *
 * - `"f32"`: as they are.
 * - `"f16"`: rounded to half floats: half the memory. Keys and values beyond 65504 become infinite; queries may be as
 *   large as over `"f32"`.
 * - `"int8"`: each key and each value as bytes with a scale of its own: a quarter of the memory. A number is off by at
 *   most 1/254 of its row's largest; queries are rounded to 16 bits for the scores.
 */
export type CacheType = "f32" | "f16" | "int8";

/** Options of `cache`. */
export interface CacheOptions {
  /** Layers, each with tokens of its own. Default: 1. */
  layers?: number;
  /** Key and value heads of a layer. */
  kvHeads: number;
  /** Numbers per key. */
  headDim: number;
  /** Numbers per value. Default: `headDim`. */
  valueDim?: number;
  /** The most tokens that a layer may hold, at most 2^24. Memory is taken as it fills. Default: 2^24. */
  capacity?: number;
  /** Default: "f32". */
  dtype?: CacheType;
}

/** Options of calls that concern one layer. */
export interface LayerOptions extends CallOptions {
  /** From 0. Default: 0. */
  layer?: number;
}

/** Options of a cache's `append`. */
export interface AppendOptions extends LayerOptions {
  /** What a `Uint16Array` holds. Needed for one, because there is no default. */
  dtype?: "f32" | "f16";
  /** Look for NaN and infinity in the inputs, and throw. Default: false. */
  validate?: boolean;
}

/**
 * Options of a cache's `attend`. The last query stands at the layer's last token, and query i sees the first
 * length - queries + i + 1 tokens; windows, sinks and masks take away from that. A mask is (queries, length) or (heads,
 * queries, length).
 */
export interface DecodeOptions<Out = Float32Array> extends AppendOptions, ScoreRules {
  /** Query heads, a multiple of the cache's `kvHeads`. Default: `kvHeads`. */
  heads?: number;
  /** Multiplies every score. Default: 1 / sqrt(headDim). */
  scale?: number;
  /** Where the result goes, instead of a new array. May not overlap an input. */
  out?: Out;
  /** Also return the natural logarithm of every softmax denominator. Default: false. */
  lse?: boolean;
  /** Also return, as `monitored`, what `monitor` would; it costs next to nothing beside attention. Default: false. */
  monitor?: boolean | MonitorNumbers;
  /**
   * How sums over tokens are kept, where `monitor` says that f32 does not see every token. Default: "f32".
   *
   * - `"f32"`: in single precision over 1024 tokens at a time, and those sums in double.
   * - `"compensated"`: the same over 96 tokens at a time. About 5 % slower.
   * - `"f64"`: products, scores, exponentials and sums in double, from what the cache holds to one rounding of the
   *   result; queries are not rounded, not even over bytes. Several times slower. `monitored` and recorded attention
   *   still come from scores in f32.
   */
  accumulate?: Accumulate;
  /**
   * Also add the attention that each token receives to sums that the layer keeps, for `recordedAttention` and for
   * `evict` with `heavy: true`. Every query and head gives 1 in total. Default: false.
   */
  recordAttention?: boolean;
}

/** What a monitor counts. */
export interface MonitorNumbers {
  /** `effective` counts the entries above it. Greater than 0. Default: 0.01. */
  epsilon?: number;
  /** `k` leaves out at most so much attention, from 0 to 1. Default: 0.05. */
  mass?: number;
  /** `sink` is the attention to so many first tokens. Default: 4. */
  first?: number;
}

/**
 * How a cache finds the tokens that are kept.
 *
 * - `"exact"`: every score is formed.
 * - `"int8"`: every score is formed from a copy of the keys in bytes, which the cache keeps from the first such call
 *   on; the few tokens that may be among the best are scored exactly. The same set, ties included. `dropped` is then an
 *   estimate within what rounding to bytes may do; `bound` includes that. Not for a cache of `dtype: "int8"`, which is
 *   its own copy.
 * - `"pages"`: the least and the largest number of each column over 32 tokens, and their mean and largest distance from
 *   it, bound their scores; tokens that may be among the best are looked at. The exact set, or with `searchTau` as much
 *   of it as is needed. Fast where neighbors are alike, no faster than `"exact"` where they are not.
 * - `"lsh"`: the tokens whose keys have nearly the signs of the query (128 random directions), `8 k + 256` of them, are
 *   scored exactly. Approximate; `recall: true` says how much of the exact set was found.
 * - `"auto"`: `"int8"` where it is faster, from about 2048 tokens.
 *
 * `"pages"` and `"lsh"` skip scores: with them an estimator other than `"renormalized"` needs `tail: "sampled"`, and
 * with `tail: "exact"` every score is formed all the same; `info.reason` says so. A window, sinks, a mask, a softcap,
 * certificates, and budgets of `mass` or `threshold` are for the scan, too, whatever was asked for.
 */
export type CacheSearch = "exact" | "int8" | "pages" | "lsh" | "auto";

/**
 * Options of a cache's `attendTopK`. Rules, budgets and certificates are those of `attendTopK` without a cache: `sinks`
 * are kept before all other tokens and need no window.
 */
export interface CacheTopKOptions<Out = Float32Array> extends Omit<
  DecodeOptions<Out>,
  "lse" | "monitor" | "accumulate" | "recordAttention"
> {
  /**
   * Entries kept per row; an array has one for each query head. n of the window law is the number of tokens that the
   * row sees.
   */
  keep: Keep | readonly Keep[];
  /** Default: "linear". */
  estimator?: Estimator;
  /** Default: "auto". */
  search?: CacheSearch;
  /** With `search: "pages"`: a row may stop when its dropped mass is certified to be at most this, above 0, below 1. */
  searchTau?: number;
  /**
   * Where the weight of the dropped tokens comes from when scores are skipped: `"sampled"`, 96 of them by `seed`,
   * gives every estimator, an estimate `dropped` and its `interval`. Default: "sampled" for "pages" and "lsh", but
   * "exact" for `renormalized` with `searchTau`; "exact" otherwise.
   */
  tail?: TailSource;
  /** Of the sample, an integer from 0. Same seed and tokens, same bits. Default: 0. */
  seed?: number;
  /** With `search: "lsh"`: also form every score, to measure `info.recall`. Default: false. */
  recall?: boolean;
  /**
   * Also return which tokens were kept. Where the scores or a mask decide how many, they are counted first, at the cost
   * of a second search. Default: false.
   */
  indices?: boolean;
  /** Also return upper bounds of the dropped attention and of the output's error. Default: false. */
  certificates?: boolean;
  /** Also return, as `monitored`, what is known of all attention; intervals if scores were skipped. Default: false. */
  monitor?: boolean | Pick<MonitorNumbers, "epsilon" | "mass">;
}

/** Options of a cache's `monitor`. */
export interface MonitorOptions extends AppendOptions, ScoreRules, MonitorNumbers {
  /** Query heads, a multiple of the cache's `kvHeads`. Default: `kvHeads`. */
  heads?: number;
  /** Multiplies every score. Default: 1 / sqrt(headDim). */
  scale?: number;
  /** As in `attend`: where decoding is sparse, this sees all tokens. Default: false. */
  recordAttention?: boolean;
}

/**
 * Which tokens stay. Every head keeps as many as the others, but its own; in each the first `sinks` (default 0) and the
 * last `recent` (default 0) stay.
 *
 * - `{recent}` alone: nothing else stays (StreamingLLM, arXiv 2309.17453).
 * - `{keep}`: in all `keep` tokens, those to which the queries give most attention. With an odd `width`, default 1, a
 *   token counts as much as the best of so many neighbors (SnapKV, arXiv 2404.14469).
 * - `{loss}`: as few as lose at most so much of the attention of any key head's rows on average, from 0 to 1. For one
 *   head no smaller set does.
 *
 * With `heavy: true` tokens are ranked by all attention that was recorded so far (`recordAttention`), and the queries
 * of the call only say what is lost: `{keep, recent, heavy: true}` is H2O (arXiv 2306.14048), whose paper gives half of
 * `keep` to `recent`. Sums are not divided by the number of queries that could see a token, so old tokens have had more
 * to gain; nor is there a correction for what a rewind took back.
 */
export type EvictPolicy =
  | { recent: number; sinks?: number }
  | { keep: number; sinks?: number; recent?: number; width?: number; heavy?: boolean }
  | { loss: number; sinks?: number; recent?: number; heavy?: boolean };

/** Options of a cache's `evict`. */
export interface EvictOptions extends AppendOptions {
  /** Which tokens go. */
  policy: EvictPolicy;
  /** Query heads, a multiple of the cache's `kvHeads`. Default: `kvHeads`. */
  heads?: number;
  /** Multiplies every score. Default: 1 / sqrt(headDim). */
  scale?: number;
}
