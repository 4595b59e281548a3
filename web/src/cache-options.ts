/** What a caller may pass to a cache of keys and values, in both entries. */
import type { CallOptions, ScoreRules } from "./options.js";

/**
 * How a cache keeps its numbers.
 *
 * - `"f32"`: as they are.
 * - `"f16"`: rounded to half floats: half the memory. Numbers beyond 65504 become infinite.
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
}
