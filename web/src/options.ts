/**
 * What a caller may pass, in both entries. Every name here is checked at run time too (check/): an unknown option is an
 * error, so that a misspelled one cannot be ignored.
 */
import type { VariantName } from "./runtime/variants.js";

/** Half floats: `Float16Array` where the engine has it. */
export interface Float16Numbers extends ArrayBufferView {
  /** Numbers. */
  readonly length: number;
  /** "Float16Array". */
  readonly [Symbol.toStringTag]: "Float16Array";
}

/** Numbers that heed reads: f32, or f16 (`Float16Array`, or `Uint16Array` with `dtype: "f16"`). */
export type Numbers = Float32Array | Uint16Array | Float16Numbers;

/** How far a long operation has come. `total` is 0 while it is unknown. */
export interface Progress {
  /** `download` and `compile` and `start` come from `create`, `run` from every other call. */
  phase: "download" | "compile" | "start" | "run";
  /** Done so far. */
  loaded: number;
  /** All there is to do, in the same unit. */
  total: number;
}

/** Where the module's WebAssembly comes from. */
export type WasmSource = string | URL | Response | ArrayBuffer | ArrayBufferView | WebAssembly.Module;

/** Sources by module; one that is left out lies beside the package's code. */
export interface WasmSources {
  /** The file `heed-<variant>.wasm`. */
  core?: WasmSource;
  /** The file `heed-study-<variant>.wasm`, which `simulate` needs. */
  study?: WasmSource;
  /** The file `heed-model-<variant>.wasm`, which `Decoder` needs. */
  model?: WasmSource;
}

/** Options of `create`, the same in both entries. */
export interface CreateOptions {
  /**
   * The build to load. Default: the best one that this engine can run; "relaxed-threads-64" only with a `maximumMemory`
   * above 4 GiB.
   */
  variant?: VariantName;
  /** Threads that work, the caller's included. Default: the machine's, at most 16; 1 where threads cannot run. */
  threads?: number;
  /**
   * Load the module that `simulate` needs now. heed/sync has no `simulate` without it; heed loads it with the first
   * simulation otherwise. Default: false.
   */
  studies?: boolean;
  /**
   * The file `heed-<variant>.wasm`, when it does not lie beside the package's code; or an object of such sources, one
   * for each module.
   */
  wasm?: WasmSource | WasmSources;
  /** The package's `worker.js`, when it does not lie beside the package's code. Not used by heed/sync. */
  workerUrl?: string | URL;
  /**
   * Bytes that the module may grow to, at most 16 GiB. More than 4 GiB need "relaxed-threads-64", which is loaded then.
   * Default: 4 GiB (16 GiB in that variant), or the largest size that the engine reserves.
   */
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

/** Limits of a budget, whatever its kind: max(1, min) <= entries <= max. */
export interface KeepLimits {
  /** An integer from 0. Default: 1. */
  min?: number;
  /** An integer from 1, at least `min`. Default: no limit. */
  max?: number;
}

/**
 * How many entries of a row to keep, n being the number of keys that the row sees: what `causal`, `window` and a mask
 * leave it. More than n means all of them.
 *
 * `mass` and `threshold` need all scores of a row before the first entry is kept. They are decided on the scores as
 * computed: threshold keeps every score of at least ln(threshold) + ln Σ e^score, mass adds up e^score in rank order.
 * Of equal scores at the last place the lower key is kept.
 */
export type Keep = KeepLimits &
  (
    | {
        /** Entries of every row, at least 1. */
        k: number;
      }
    | {
        /** Greater than 0. The window law of the paper: ceil(alpha n^exponent) entries. */
        alpha: number;
        /** From 0 to 1: C of the paper. */
        exponent: number;
      }
    | {
        /** Greater than 0, at most 1: the fewest entries that together have this share of the row. 1 keeps all. */
        mass: number;
      }
    | {
        /** Greater than 0, less than 1: every entry whose probability is at least this. */
        threshold: number;
      }
  );

/**
 * What becomes of the dropped entries. H are the kept keys, T the dropped ones, p the exact probabilities, tau = Σ_T p
 * the dropped mass, s the scores and mu their mean over T:
 *
 * - `"renormalized"`: Σ_H p v / (1 - tau)
 * - `"raw"`: Σ_H p v
 * - `"compensated"`: Σ_H p v + Σ_T a v, a = tau / |T|: each dropped key gets the mean
 * - `"linear"`: Σ_H p v + Σ_T (a + b (s - mu)) v, b = Σ_T p (s - mu) / Σ_T (s - mu)²: each dropped key gets what the
 *   least-squares line of p over s says. Weights of far keys may be negative. b is 0 for a single dropped key, and
 *   may be 0 where the spread of s over T is less than about 1 % of the size of the scores. s is here scale · q kᵀ: a
 *   softcap or a mask enters through p alone.
 *
 * The last two keep the dropped mass, and need no more than the scores that were computed anyway and sums of values.
 */
export type Estimator = "renormalized" | "raw" | "compensated" | "linear";

/**
 * How the sum over all keys is formed, the denominator of the probabilities.
 *
 * - `"accurate"`: relative error at most 1e-6.
 * - `"fast"`: the terms of dropped keys by an exponential that is off by up to 4 %, of either sign, and cancels: on
 *   attention the dropped mass is good to well under 1 % of itself. `bound` has the 4 % inside. "renormalized", which
 *   needs the denominator for `dropped` and `bound` alone, gives the same rows up to rounding, and is about 8 % faster.
 *   Accurate all the same for "linear", whose line would feel it; with a mask that adds; where |q| |k| scale exceeds
 *   40; and in rows whose scores are all held at once (below).
 */
export type Denominator = "accurate" | "fast";

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
 * `info.reason` says why: the estimators other than `"renormalized"` with `tail: "exact"`, a window, sinks, a mask,
 * softcap, certificates, budgets of `mass` or `threshold`, or one for each head.
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

/**
 * Options of `attendTopK`. The score rules are those of `attend`, with one addition: `sinks` are kept whatever their
 * scores are, before all other keys, and count among the kept ones (with k below `sinks`, the first k of them are all
 * that is kept). They need no window here.
 *
 * With a window, a mask, sinks, certificates, `mass`, `threshold`, or a softcap under the linear estimator, a row's
 * scores are all held at once: memory for 8 rows a thread, never for n x n. Numbers may differ from the other way by
 * rounding.
 */
export interface TopKOptions<Out = Float32Array> extends Omit<AttendOptions<Out>, "lse" | "accumulate"> {
  /** Entries kept per row; an array has one for each query head. */
  keep: Keep | readonly Keep[];
  /** Default: "linear". */
  estimator?: Estimator;
  /** Default: "accurate". */
  denominator?: Denominator;
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
  /**
   * Also return which keys were kept. Where the scores or a mask decide how many, they are counted first, at the cost
   * of a second search. Default: false.
   */
  indices?: boolean;
  /** Also return upper bounds of the dropped attention and of the output's error. Default: false. */
  certificates?: boolean;
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

/**
 * Where the scores of a simulation come from, from E2 on: tokens x with entries of mean 0 and variance 1, weights
 * W = W_Q W_K^T with ||W||_F^2 = d, exactly or in the mean, and s_ij = sigma x_i W x_j / sqrt(d), so that sigma is the
 * standard deviation of a score with another token.
 */
export interface SimulationSource {
  /** Head dimension, 1 to 256. Default: 64. */
  d?: number;
  /**
   * The tokens. Default: "gaussian".
   *
   * - `"gaussian"`, `"uniform"`, `"rademacher"`, `"sphere"` (rows of length sqrt(d)): independent
   * - `"student"`: t with `strength` > 2 degrees of freedom, scaled to variance 1. Default: 4
   * - `"stationary"`: AR(1) along the tokens, neighbors correlate by `strength` < 1. Default: 0.9
   * - `"clustered"`: one of 16 topics, whose share of the variance is `strength`, 0 to 1. Default: 0.5
   * - `"lowDimension"`: in a random subspace of `strength` dimensions. Default: 4
   * - `"outliers"`: every sixteenth channel is `strength` times as large. Default: 8
   * - `"sink"`: key 0 has `strength` added to its score in every row. Default: 5
   * - `"duplicates"`: every token occurs about `strength` times. Default: 4
   */
  input?:
    | "gaussian"
    | "uniform"
    | "rademacher"
    | "sphere"
    | "student"
    | "stationary"
    | "clustered"
    | "lowDimension"
    | "outliers"
    | "sink"
    | "duplicates";
  /** What it means depends on `input`; the first four have none. */
  strength?: number;
  /**
   * `"independent"` Gaussian W_Q and W_K (default), `"identity"`, `"tied"` (W_Q = W_K), `"lowRank"`, `"powerLaw"`
   * (orthogonal factors, singular value i proportional to i^-decay), or `"none"`: no tokens at all, every score an
   * independent N(0, sigma²).
   */
  weights?: "independent" | "identity" | "tied" | "lowRank" | "powerLaw" | "none";
  /** Rank of W with `weights: "lowRank"`. Default: an eighth of d, at least 1. */
  rank?: number;
  /** Exponent of the singular values with `weights: "powerLaw"`, 0 to 10. Default: 1. */
  decay?: number;
  /** Multiplies every score; greater than 0. Default: 1. */
  sigma?: number;
  /** Row i sees the keys 0 to i only. Default: false. */
  causal?: boolean;
  /** Whether a row sees its own key. Default: true. */
  self?: boolean;
  /** Rows sampled per length, at most 65536, evenly spread over the tokens. Default: 256, or n where that is less. */
  rows?: number;
  /** Runs with the seeds seed, seed + 1, ..., at most 100; standard errors are those between them. Default: 1. */
  repeats?: number;
  /** Same seed, same rows. Default: 0. */
  seed?: number;
}

/** Heads of a model in place of tokens and weights: then `input`, `strength` and `weights` may not be given. */
export interface GivenHeads {
  /** (n, d): queries of one head. Scores are sigma q k^T / sqrt(d); lengths n take the first n tokens. */
  q?: Float32Array;
  /** (n, d) */
  k?: Float32Array;
}

/** E2: is n^C entries enough? */
export interface SufficiencySweep extends SimulationSource, GivenHeads {
  /** 2 to 2^20 each. Default: 64, 128, ..., 8192; with `spectral` to 1024. */
  n?: readonly number[];
  /** Constant numbers of entries to keep. Default: 1, 8, 64. ln n and sqrt(ln n) are always tried. */
  keep?: readonly number[];
  /** C of k = n^C, 0 to 1 each. Default: 0.1, 0.25, 0.5, 0.75. */
  exponent?: readonly number[];
  /** Also the error of the output, with values x W_V. Default: false. */
  output?: boolean;
  /** Also the spectral norm over all n rows, for n up to 4096: 40 times n^2 scores. Default: false. */
  spectral?: boolean;
}

/**
 * E3: a fixed window against alpha n^C at equal cost. One run per `sigma`, per `gamma` (sigma = gamma sqrt(2 ln n)),
 * and with `identity` weights; without any of the three all the defaults are run.
 */
export interface EqualCostSweep extends Omit<SimulationSource, "sigma" | "causal"> {
  /** The lengths of the batch. Default: 1024, 2048, ..., 32768. */
  n?: readonly number[];
  /** The fixed window. Default: 64. */
  keep?: number;
  /** C of the dynamic ones. Default: 0.001, 0.25, 0.5, 0.75. */
  exponent?: readonly number[];
  /** Default: 0.5, 1, 2, 3. */
  sigma?: readonly number[];
  /** Default: 0.5, 0.7, 0.9. */
  gamma?: readonly number[];
  /** Also a run with W = I. Default: only without `sigma` and `gamma`. */
  identity?: boolean;
}

/** E4: what o(log n) entries leave. */
export interface NecessitySweep extends SimulationSource, GivenHeads {
  /** Default: 64, 128, ..., 8192. */
  n?: readonly number[];
  /** Constant numbers of entries. Default: 1, 8. */
  keep?: readonly number[];
  /** c of k = c ln n. Default: 1, 4. sqrt(ln n) and ln ln n are always tried. */
  logFactor?: readonly number[];
}

/** E5: how attention collapses. One run per `sigma` and per `gamma` (sigma = gamma sqrt(2 ln n)). */
export interface RegimeSweep extends Omit<SimulationSource, "sigma">, GivenHeads {
  /** Default: 64, 128, ..., 32768. */
  n?: readonly number[];
  /** Default: 1, or none with `gamma`. */
  sigma?: readonly number[];
  /** Default: none. */
  gamma?: readonly number[];
  /** Entries above it count as effective. Default: 0.01. */
  epsilon?: number;
}

/** E6: how large logits get, beside the bounds R and R'. */
export interface ConcentrationSweep extends Omit<SimulationSource, "causal" | "self"> {
  /** Default: 256, 1024, 4096. */
  n?: readonly number[];
  /** The probability with which a bound may fail. Default: 0.05. */
  delta?: number;
}

/** E7: how many entries a row needs as its weights grow. */
export interface GainSweep extends SimulationSource, GivenHeads {
  /** Default: 256, 1024, 4096. */
  n?: readonly number[];
  /** Factors of W. Default: 1/8, 1/4, ..., 16. */
  gain?: readonly number[];
  /** The mass that may be dropped, between 0 and 1. Default: 0.1. */
  mass?: number;
  /** The l2 error that is allowed, between 0 and 1. Default: 0.1. */
  target?: number;
}

/** E8: how to spend a budget of entries over rows of mixed lengths, at most 4096 of them. */
export interface PolicySweep extends Omit<SimulationSource, "causal" | "repeats">, GivenHeads {
  /** Rows see `from` to `to` keys, evenly spread in the logarithm. Default: 256. */
  from?: number;
  /** Default: 16384. */
  to?: number;
  /** Entries a row on average. Default: 16, 64, 256. */
  budget?: readonly number[];
  /** C of the window policy. Default: 0.5. */
  exponent?: number;
}

/** E9: what is left of n^C when the assumptions on the input are broken. */
export interface ViolationSweep extends Omit<SimulationSource, "strength">, GivenHeads {
  /** One row of the table each. Default: the usual strength of `input`. */
  strength?: readonly number[];
  /** The lengths that C is fitted on. Default: 256, 512, ..., 4096. */
  n?: readonly number[];
  /** As in E7. */
  mass?: number;
  /** As in E7. */
  target?: number;
}

/** E11: whether alpha and C found on short texts hold on long ones. */
export interface CalibrationSweep extends SimulationSource, GivenHeads {
  /** Those up to a quarter of the longest are fitted, the others predicted. Default: 256, 512, ..., 8192. */
  n?: readonly number[];
  /** As in E7. */
  mass?: number;
}

/** E12: which keys a sum in a narrow format loses. */
export interface PrecisionSweep extends Omit<SimulationSource, "self" | "repeats">, GivenHeads {
  /** Up to 65536 each. Default: 256, 1024, 4096, 16384. */
  n?: readonly number[];
  /** Entries that the top-k sum keeps. Default: 64. */
  keep?: number;
  /** At most 4096. Default: 32. */
  rows?: number;
}

/** E14: what a wrong alpha or C costs on rows of mixed lengths. */
export interface MisfitSweep extends Omit<SimulationSource, "causal" | "repeats">, GivenHeads {
  /** At most 4096 rows see `from` to `to` keys, evenly spread in the logarithm. Default: 256. */
  from?: number;
  /** Default: 16384. */
  to?: number;
  /** Default: 1/16, 1/8, ..., 16384. */
  alpha?: readonly number[];
  /** C. Default: 0, 0.25, 0.5, 0.75, 1. */
  exponent?: readonly number[];
  /** As in E7. */
  mass?: number;
}

/** E15: the error of sparse attention through a stack of random blocks. One run per kind of block. */
export interface DepthSweep extends Pick<
  SimulationSource,
  "d" | "input" | "strength" | "sigma" | "causal" | "repeats" | "seed"
> {
  /** Tokens, at most 8192. Default: 256. */
  n?: number;
  /** A divisor of d. Default: 4, or 1 where 4 is none. */
  heads?: number;
  /** At most 96. Default: 12. */
  layers?: number;
  /** Entries that a sparse row keeps. Default: 16. */
  keep?: number;
  /** Entries above it count as effective. Default: 0.01. */
  epsilon?: number;
  /** What a sparse row makes of the entries it dropped. Default: "renormalized". */
  estimator?: "renormalized" | "compensated";
  /** Where rows are normalized: before attention and MLP, or after them. Default: both kinds. */
  norm?: "pre" | "post";
  /** Whether a block adds to its input. Default: both kinds. */
  residual?: boolean;
  /** Whether a block has an MLP. Default: both kinds. */
  mlp?: boolean;
  /** Which layers are sparse. Default: "all". */
  sparsify?: "all" | "alternate";
}

/**
 * E16: R and needs under positions. One run without any, one per `base` and one per `slope`, of each of the `repeats`
 * draws.
 */
export interface PositionSweep extends Omit<SimulationSource, "causal" | "self"> {
  /** Of rotary positions, each greater than 1. Default: 1e4, 1e5, 1e6, or none with `slope`. */
  base?: readonly number[];
  /** Of ALiBi: what a score loses per token of distance. Default: 1/256, 1/16, 1/2, or none with `base`. */
  slope?: readonly number[];
  /** Tokens, at most 16384. Default: 4096. */
  n?: number;
  /** From 0 to n - 1 each; one row of the table each. Default: 0, 1, 4, 16, ..., 1024, n - 1. */
  offset?: readonly number[];
  /** As in E7. */
  mass?: number;
  /** At most 4096. Default: 64. */
  rows?: number;
}

/**
 * E19: the critical scale of attention (arXiv 2510.05554). One run per `dimension` and `rho`; `rows`, at most 4096, are
 * 64 by default.
 */
export interface CriticalSweep extends Pick<SimulationSource, "rows" | "repeats" | "seed"> {
  /** Of the tokens, 2 to 1024 each. Default: 2, 32, 512. */
  dimension?: readonly number[];
  /** Inner product of two tokens, between 0 and 1. Default: 0.2, 0.5, 0.8. */
  rho?: readonly number[];
  /** In units of the critical 1 / (1 - rho); the scale is gamma ln n. Default: 0.5 to 2 in ten steps. */
  gamma?: readonly number[];
  /** Tokens, at most 8192. Default: 2048. */
  n?: number;
}

/** E20: how fast attention over n tokens tends to its limit (arXiv 2512.10656); `rows` <= 512, by default 32. */
export interface SampleComplexitySweep extends Pick<SimulationSource, "rows" | "repeats" | "seed"> {
  /** Of the tokens, at most 256. Default: 50. */
  dimension?: number;
  /** H. Default: twelve from 0.05 to 50, evenly spread in the logarithm. */
  horizon?: readonly number[];
  /** At least two. Default: twelve from 1000 to 30000, evenly spread in the logarithm. */
  n?: readonly number[];
}

/**
 * E13: what keys cost that a search overlooks, for simulated misses and for real searches. `d` is at most 128; rows are
 * the last `rows` tokens; `input` may not be "sink".
 */
export interface PreselectionSweep extends SimulationSource, GivenHeads {
  /** 2 to 2^17 each. Default: 1024, 2048, 4096. */
  n?: readonly number[];
  /** Entries kept. Default: 64. */
  keep?: number;
  /** Shares of the k best that a simulated search finds. Default: 1, 0.99, 0.95, 0.9, 0.8, 0.5. */
  recall?: readonly number[];
  /** Masses at whose certificate the search by pages stops; 0 finds the exact set. Default: 0, 0.1, 0.5, 0.9. */
  enough?: readonly number[];
  /** Tables of hashes that are asked, 1 to 16. Default: 1, 4, 16. */
  tables?: readonly number[];
  /** Principal components of the keys that rank them, 1 to d. Default: d / 8, d / 4, d / 2. */
  components?: readonly number[];
  /** Channels where |q| is largest that rank the keys, 1 to d. Default: d / 8, d / 4, d / 2. */
  channels?: readonly number[];
}

/**
 * E17: tasks whose answer is known (one needle, four needles, an average, an induction copy, a maximum) by plain
 * attention, by what is proposed against its dispersion, and by top-k attention.
 */
export interface TaskSweep {
  /** 8 to 2^17 each. Default: 256, 1024, 4096, 16384. */
  n?: readonly number[];
  /** Head dimension, 1 to 256: the score of the key that is looked for is sigma signal sqrt(d). Default: 64. */
  d?: number;
  /** Standard deviation of the scores of the other keys. Default: 1. */
  sigma?: number;
  /** Cosine of the query with the key that it looks for, 0 to 1. Default: 0.6. */
  signal?: number;
  /** Lengths of keys are e^(spread z), z normal; 0 to 4. Default: 0. */
  spread?: number;
  /** Classes that needles may have, at least 4. Default: 64. */
  classes?: number;
  /** Different tokens of the induction task. Default: 512. */
  vocabulary?: number;
  /** What an average may be off by. Default: 0.025. */
  tolerance?: number;
  /** Entries that top-k methods keep. Default: 64. */
  keep?: number;
  /** Length at which log-n scaling changes nothing. Default: 256. */
  reference?: number;
  /** What the adaptive temperature brings e^entropy down to. Default: 16. */
  perplexity?: number;
  /** Score of the sink. Default: 6. */
  sink?: number;
  /** Trials of each task, at most 65536. Default: 256. */
  rows?: number;
  /** Same seed, same trials. Default: 0. */
  seed?: number;
}

/** E18: what certificates promise beside the truth. As E13 for `d`, rows and `input`. */
export interface CertificateSweep extends SimulationSource, GivenHeads {
  /** 2 to 2^17 each. Default: 1024, 2048, 4096. */
  n?: readonly number[];
  /** Masses that may be dropped, between 0 and 1. Default: 0.01, 0.1, 0.5. */
  mass?: readonly number[];
}

/**
 * E22: how fast searches are beside exact attention. As E13 for `d`, rows (at most 1024, by default 64) and `input`;
 * `repeats` (by default 5) are timed calls. The times are measured: they depend on the machine and on `threads`.
 */
export interface SpeedSweep extends SimulationSource, GivenHeads {
  /** 2 to 2^17 each. Default: 1024, 2048, ..., 16384. */
  n?: readonly number[];
  /** Constant numbers of entries to keep. Default: 64, or none with `exponent`. */
  keep?: readonly number[];
  /** C of k = n^C, 0 to 1 each. Default: 0.5, or none with `keep`. */
  exponent?: readonly number[];
}

/** The simulations by id, listed in the README, and what they take. */
export interface SimulationParameters {
  E1: CollapseParameters;
  E2: SufficiencySweep;
  E3: EqualCostSweep;
  E4: NecessitySweep;
  E5: RegimeSweep;
  E6: ConcentrationSweep;
  E7: GainSweep;
  E8: PolicySweep;
  E9: ViolationSweep;
  E11: CalibrationSweep;
  E12: PrecisionSweep;
  E13: PreselectionSweep;
  E14: MisfitSweep;
  E15: DepthSweep;
  E16: PositionSweep;
  E17: TaskSweep;
  E18: CertificateSweep;
  E19: CriticalSweep;
  E20: SampleComplexitySweep;
  E22: SpeedSweep;
}

/** What `simulate` can run. */
export type SimulationId = keyof SimulationParameters;
