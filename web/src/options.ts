/**
 * What a caller may pass, in both entries. Every name here is checked at run time too (check/): an unknown option is an
 * error, so that a misspelled one cannot be ignored.
 */
import type { VariantName } from "./runtime/variants.js";

/** Half floats: `Float16Array` where the engine has it. */
export interface Float16Numbers extends ArrayBufferView {
  readonly length: number;
  readonly [Symbol.toStringTag]: "Float16Array";
}

/** Numbers that heed reads: f32, or f16 (`Float16Array`, or `Uint16Array` with `dtype: "f16"`). */
export type Numbers = Float32Array | Uint16Array | Float16Numbers;

/** How far a long operation has come. `total` is 0 while it is unknown. */
export interface Progress {
  /** `download` and `compile` and `start` come from `create`, `run` from every other call. */
  phase: "download" | "compile" | "start" | "run";
  loaded: number;
  total: number;
}

/** Where the module's WebAssembly comes from. */
export type WasmSource = string | URL | Response | ArrayBuffer | ArrayBufferView | WebAssembly.Module;

/** Options of `create`, the same in both entries. */
export interface CreateOptions {
  /** The build to load. Default: the best one that this engine can run. */
  variant?: VariantName;
  /** Threads that work, the caller's included. Default: the machine's, at most 16; 1 where threads cannot run. */
  threads?: number;
  /** The file `heed-<variant>.wasm`, when it does not lie beside the package's code. */
  wasm?: WasmSource;
  /** The package's `worker.js`, when it does not lie beside the package's code. Not used by heed/sync. */
  workerUrl?: string | URL;
  /** Bytes that the module may grow to. Default: 4 GiB, or the largest size that the engine reserves. */
  maximumMemory?: number;
  /** Ends the loading; `create` then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Told about download, compile and start. */
  onProgress?: (progress: Progress) => void;
}

/** Options that every call takes. */
export interface CallOptions {
  /**
   * Cancels the call, which then rejects with the signal's reason. heed looks at it every 20 ms or so, also while the
   * call waits in the queue; heed/sync looks at it before the call, and between rows of `simulate`.
   */
  signal?: AbortSignal;
  /** Told how far the call is. heed/sync calls it once, at the end. */
  onProgress?: (progress: Progress) => void;
  /**
   * Move the inputs' buffers, the mask's too, to the worker instead of copying them: they are detached. heed/sync moves
   * nothing.
   */
  transfer?: boolean;
}

/** Order of the axes: (batch, n, heads, dim), or (batch, heads, n, dim). */
export type Layout = "token-major" | "head-major";

/** The shape of the score matrix. The numbers of queries and keys come from the lengths of the arrays. */
export interface ScoreOptions extends CallOptions {
  /** Query heads. */
  heads: number;
  /** Key and value heads; a divisor of `heads`. Default: `heads`. */
  kvHeads?: number;
  /** Numbers per query and per key. */
  headDim: number;
  /** Independent sequences in one call. Default: 1. */
  batch?: number;
  /** Query i sees the keys 0 .. i + keys - queries only. Default: false. */
  causal?: boolean;
  /** Multiplies every score. Default: 1 / sqrt(headDim). */
  scale?: number;
  /** Order of the axes of every array. Default: "token-major". */
  layout?: Layout;
  /** What a `Uint16Array` holds. Needed for one, because there is no default. */
  dtype?: "f32" | "f16";
  /** Look for NaN and infinity in the inputs, and throw; -Infinity in a mask is legal. Default: false. */
  validate?: boolean;
}

/**
 * What happens to a score before the softmax, in this order:
 *
 *     s = softcap(scale · q kᵀ) + mask      softcap(x) = c tanh(x / c)
 *
 * and which keys a row sees at all: those that `causal`, `window` and a mask of 0 and 1 leave. A row that sees none is
 * zeros. What a row does not see cannot change it, NaN included.
 */
export interface ScoreRules {
  /**
   * In keys, at least 1: a row sees the last `window` of the keys that `causal` leaves it, its own included; without
   * `causal` the last ones of all. Keys outside are not computed. Default: no window.
   */
  window?: number;
  /** In keys, with `window` only: the first so many keys stay visible beside the window. Default: 0. */
  sinks?: number;
  /** c, in units of a score, greater than 0: scores stay between -c and c, mask aside. Default: no cap. */
  softcap?: number;
  /**
   * (queries, keys), or (heads, queries, keys) with query heads; the length tells which. Every batch entry has the
   * same. A `Float32Array` is added to the scores, -Infinity hides a key. In a `Uint8Array` 0 hides a key and 1 does
   * nothing. Rows of queries lie one after the other in both layouts. It is copied, never a Tensor. Default: none.
   */
  mask?: Float32Array | Uint8Array;
}

/**
 * How `attend` keeps its sums over keys.
 *
 * - `"f32"`: in single precision, block by block; the error of a sum grows slowly with the number of keys.
 * - `"compensated"`: what adding a block rounds away is kept and added at the end, so that the error does not grow with
 *   the number of blocks. About 5 % slower.
 * - `"f64"`: products, scores, exponentials and sums in double precision, from the inputs to one rounding of the
 *   result: a yardstick, and for rows whose weights are too even for f32. About 13 times slower.
 */
export type Accumulate = "f32" | "compensated" | "f64";

/** Options of `scores` and `weights`. */
export interface ScoresOptions extends ScoreOptions, ScoreRules {
  /** Only this query head: the result is (batch, 1, queries, keys). Default: all heads. */
  head?: number;
  /** Only this batch entry. Default: all of them. */
  entry?: number;
}

/** Options of `attend`. */
export interface AttendOptions<Out = Float32Array> extends ScoreOptions, ScoreRules {
  /** Numbers per value. Default: `headDim`. */
  valueDim?: number;
  /** Where the result goes, instead of a new array. May not overlap an input. */
  out?: Out;
  /** Also return the natural logarithm of every softmax denominator. Default: false. */
  lse?: boolean;
  /** How sums over keys are kept. Default: "f32". */
  accumulate?: Accumulate;
}

/** How many entries of a row to keep: a number, or the window law clamp(ceil(alpha n^exponent), max(1, min), max). */
export type Keep =
  | {
      /** Entries kept in every row; more than the row has means all of them. */
      k: number;
    }
  | {
      /** Greater than 0. */
      alpha: number;
      /** From 0 to 1: C of the paper. n is the row's own number of visible keys. */
      exponent: number;
      min?: number;
      max?: number;
    };

/**
 * What becomes of the dropped entries. H are the kept keys, T the dropped ones, p the exact probabilities, tau = Σ_T p
 * the dropped mass, s the scores and mu their mean over T:
 *
 * - `"renormalized"`: Σ_H p v / (1 - tau)
 * - `"raw"`: Σ_H p v
 * - `"compensated"`: Σ_H p v + Σ_T a v, a = tau / |T|: each dropped key gets the mean
 * - `"linear"`: Σ_H p v + Σ_T (a + b (s - mu)) v, b = Σ_T p (s - mu) / Σ_T (s - mu)²: each dropped key gets what the
 *   least-squares line of p over s says. Weights of far keys may be negative. b is 0 for a single dropped key, and
 *   where the spread of s over T is less than about 1 % of the size of the scores.
 *
 * The last two keep the dropped mass, and need no more than the scores that were computed anyway and sums of values.
 */
export type Estimator = "renormalized" | "raw" | "compensated" | "linear";

/**
 * How the kept entries are found.
 *
 * - `"exact"`: every score is computed.
 * - `"int8"`: all keys are looked at in 8 bits; those that may be among the best, by a bound of the rounding, are
 *   scored exactly. The exact set. Faster than `"exact"` where rows see thousands of keys, unless
 *   the best of them differ by less than the rounding.
 * - `"pages"`: the least and the largest number of each column over 32 keys bound their scores; pages are visited from
 *   the highest bound down. The exact set, or with `searchTau` as much of it as is needed. Much faster than the others
 *   where neighboring keys are alike, several times slower where they are not.
 * - `"lsh"`: keys that share a hash with the query (16 tables of 8 signs). Approximate; `info.recall` says how much of
 *   the exact set was found, on 32 rows.
 * - `"auto"`: one of the first three, from the size of the call and a probe of 16 rows; the result's `info` says which.
 *
 * The last three save work only when nothing asks for every score. Where something does, the exact scan runs, and
 * `info.reason` says why: the estimators other than `"renormalized"` with `tail: "exact"`, a window, sinks, a mask or
 * softcap.
 */
export type Search = "exact" | "pages" | "int8" | "lsh" | "auto";

/**
 * Where the dropped attention comes from.
 *
 * - `"exact"`: from every score. A search that skips scores does not know it: `dropped` is then an upper bound of it,
 *   and only `estimator: "renormalized"` can do without.
 * - `"sampled"`: from 96 keys a row, drawn evenly from those not kept: any estimator, and any search. `dropped` is an
 *   estimate, and `interval` its confidence. Where the scan runs all the same nothing is sampled.
 */
export type TailSource = "exact" | "sampled";

/** Options of `attendTopK`. */
export interface TopKOptions<Out = Float32Array> extends Omit<
  AttendOptions<Out>,
  "lse" | "accumulate" | keyof ScoreRules
> {
  /** Entries kept per row. */
  keep: Keep;
  /** Default: "linear". */
  estimator?: Estimator;
  /** With a KeyIndex for `k`: the index's own. Default: "auto". */
  search?: Search;
  /**
   * With `search: "pages"` and `tail: "exact"`: a row's search may stop as soon as the attention it dropped is
   * certified to be at most this, greater than 0 and less than 1; its `bound` is then no larger. Default: the exact
   * set.
   */
  searchTau?: number;
  /** Default: "exact". */
  tail?: TailSource;
  /** Of hashes and samples, an integer from 0. Same seed, same result. Default: 0. */
  seed?: number;
  /** Also return which keys were kept. Default: false. */
  indices?: boolean;
}

/** Options of `index`. */
export interface IndexOptions extends CallOptions {
  /** Key heads. */
  kvHeads: number;
  /** Numbers per key. */
  headDim: number;
  /** Independent sequences. Default: 1. */
  batch?: number;
  /** Order of the axes. Default: "token-major". */
  layout?: Layout;
  /** What a `Uint16Array` holds. */
  dtype?: "f32" | "f16";
  /** Look for NaN and infinity in the keys, and throw. Default: false. */
  validate?: boolean;
  /** What the index is for. Default: "int8". */
  search?: "pages" | "int8" | "lsh";
  /** Of the hashes, an integer from 0. Default: 0. */
  seed?: number;
}

/** Parameters of the simulation E1: how many entries of a row exceed epsilon as n grows. */
export interface CollapseParameters {
  /** Numbers of tokens, one after the other. */
  n: readonly number[];
  /** Head dimension. Default: 64. */
  d?: number;
  /** Entries at most epsilon count as ineffective. */
  epsilon: readonly number[];
  /** W = W_Q W_K^T: of independent Gaussians (default), the identity, or of rank `rank`. */
  weights?: "independent" | "identity" | "lowRank";
  /** Rank of W with `weights: "lowRank"`. Default: an eighth of d, at least 1. */
  rank?: number;
  /** Rows sampled per length. Default: 256, or n where that is less. */
  rows?: number;
  /** Same seed, same rows. Default: 0. */
  seed?: number;
}

/** The simulations by id, listed in the README, and what they take. */
export interface SimulationParameters {
  E1: CollapseParameters;
}

/** What `simulate` can run. */
export type SimulationId = keyof SimulationParameters;
