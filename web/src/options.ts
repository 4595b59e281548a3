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
  /** Move the inputs' buffers to the worker instead of copying them: they are detached. heed/sync moves nothing. */
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
  /** Look for NaN and infinity in the inputs, and throw. Default: false; they spoil only the rows concerned. */
  validate?: boolean;
}

/** Options of `scores` and `weights`. */
export interface ScoresOptions extends ScoreOptions {
  /** Only this query head: the result is (batch, 1, queries, keys). Default: all heads. */
  head?: number;
  /** Only this batch entry. Default: all of them. */
  entry?: number;
}

/** Options of `attend`. */
export interface AttendOptions<Out = Float32Array> extends ScoreOptions {
  /** Numbers per value. Default: `headDim`. */
  valueDim?: number;
  /** Where the result goes, instead of a new array. May not overlap an input. */
  out?: Out;
  /** Also return the natural logarithm of every softmax denominator. Default: false. */
  lse?: boolean;
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

/** What becomes of the dropped entries; theory in the README. */
export type Estimator = "renormalized" | "raw" | "compensated";

/** How the kept entries are found. */
export type Search = "exact" | "auto";

/** Options of `attendTopK`. */
export interface TopKOptions<Out = Float32Array> extends Omit<AttendOptions<Out>, "lse"> {
  /** Entries kept per row. */
  keep: Keep;
  /** Default: "compensated". */
  estimator?: Estimator;
  /** Default: "auto". */
  search?: Search;
  /** Also return which keys were kept. Default: false. */
  indices?: boolean;
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
