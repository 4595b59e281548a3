/** The model module as Embind exposes it: weights, caches of tokens, and runs of the model over them. */
import type { RawJob, RawModule, RawStatus } from "./raw-module.js";

/** Order of `WeightType` in cpp/simd/weight_rows.hpp; all but int4 are also what may be written. */
export const rawWeightTypes = ["f32", "f16", "bf16", "int8", "int4"] as const;

/** Order of `RopeKind` in cpp/model/rope.hpp. */
export const rawRopeKinds = ["default", "linear", "dynamic", "llama3", "yarn"] as const;

/** Order of `ModelSearch` in cpp/model/policy.hpp. */
export const rawModelSearches = ["auto", "exact", "int8"] as const;

/** What a model is made of. Types are indices into `rawWeightTypes`. */
export interface RawModelShape {
  layers: number;
  width: number;
  heads: number;
  kvHeads: number;
  headDim: number;
  /** Width of the feed-forward part. */
  hidden: number;
  vocab: number;
  /** For which it was trained. */
  positions: number;
  epsilon: number;
  /** The head is the embedding. */
  tied: boolean;
  qkNorm: boolean;
  qkvBias: boolean;
  outBias: boolean;
  mlpBias: boolean;
  /** Index into `rawRopeKinds`. */
  rope: number;
  ropeTheta: number;
  /** 1 where there is none. */
  ropeFactor: number;
  /** 0 for `positions`. */
  ropeOriginal: number;
  ropeLow: number;
  ropeHigh: number;
  ropeBetaFast: number;
  ropeBetaSlow: number;
  /** 0 for what the next two or the factor give. */
  ropeAttention: number;
  ropeMscale: number;
  ropeMscaleAll: number;
  ropeTruncate: boolean;
  /** Of q, k, v, o, gate, up, down. */
  matrices: number;
  embedding: number;
  /** Of a head that is not tied. */
  head: number;
}

/** Weights. Its owner deletes it, after its caches and runs. */
export interface RawModel {
  /** Final after construction; after a failure only `delete` may follow. */
  status(): RawStatus;
  /** Of the weights, as stored. */
  bytes(): number;
  /** Tensors that a checkpoint must have, in a fixed order. */
  slots(): number;
  /** As in Hugging Face's files. */
  slotName(slot: number): string;
  /** 1 for a vector. */
  slotRows(slot: number): number;
  slotColumns(slot: number): number;
  /**
   * Rows [first, first + rows) of a slot from dense numbers at `from`, of type index into `rawWeightTypes`; int8 with
   * `rows` f32 at `scales`, otherwise 0. Converted at once; any slices in any order.
   */
  write(slot: number, first: number, rows: number, from: number, type: number, scales: number): RawStatus;
  /** Not ok while a row of some slot was not written. */
  complete(): RawStatus;
  /** Rows of a slot that is stored as int8: levels to `to`, scales to `scales`. */
  read(slot: number, first: number, rows: number, to: number, scales: number): RawStatus;
  delete(): void;
}

/** Keys and values of the tokens so far, in all layers. */
export interface RawModelCache {
  status(): RawStatus;
  /** Tokens. */
  length(): number;
  capacity(): number;
  bytes(): number;
  /** Keeps the first `length` tokens. */
  rewind(length: number): RawStatus;
  clear(): void;
  /** This one must be new and of the same shape; pages are shared until written. */
  forkFrom(other: RawModelCache): RawStatus;
  delete(): void;
}

/** One attention policy as the module reads it: so many f64, in this order. */
export const rawPolicyNumbers = [
  "exact",
  "window",
  "sinks",
  "k",
  "alpha",
  "exponent",
  "min",
  "max",
  "mass",
  "threshold",
  "estimator",
  "search",
] as const;

/** Tokens to run, and what to write about them. */
export interface RawRunOptions {
  /** `tokens` u32, each less than the vocabulary; they continue the cache. */
  ids: number;
  tokens: number;
  /** `policyCount` records of `rawPolicyNumbers`: 1, one for each layer, or for each head of each layer. */
  policies: number;
  policyCount: number;
  /** (vocabulary) f32 of the last position, written; or 0. */
  logits: number;
  /** `tokens` u32: what should follow each, 0xffffffff where nothing is asked; or 0. */
  targets: number;
  /** `tokens` f32, written where a target is asked for: -ln p(target), in nats. */
  losses: number;
  /** (layers, heads) records of `rawProfiled` f64, added to; or 0. */
  profile: number;
  /** (layers, heads) records of `rawReported` f64, added to; or 0. */
  report: number;
  /** Tokens of a piece of a long run; 0 for the usual number. */
  chunk: number;
}

/** Per layer and head, sums over the rows of a run unless said otherwise. */
export const rawProfiled = [
  "rows",
  "kept",
  "dropped",
  "bound",
  "entropy",
  "effective",
  "sigma",
  "sink",
  "self",
  "exponent",
  /** The largest |x| of the normalized input rows. */
  "inputPeak",
  /** Mean square of the input rows. */
  "inputPower",
  /** Rotary-averaged ||W_Q W_Kᵀ||_F, gain included, times the scale: set, not added. 0 with normalized queries. */
  "norm",
] as const;

/**
 * Per layer and head, sums over the rows of a run, as the policies know them without further work: of what a row sees,
 * which a window narrows.
 */
export const rawReported = ["rows", "seen", "kept", "dropped", "bound"] as const;

/** The model module. */
export interface RawModelModule extends RawModule {
  Model: new (shape: RawModelShape) => RawModel;
  /** `type`: index into `rawCacheTypes`. */
  ModelCache: new (model: RawModel, capacity: number, type: number) => RawModelCache;
  /**
   * Its status must be looked at after `run` too: memory may end in the middle. Deleted before its last unit, or after
   * a failure, it puts the cache back. One run on a cache at a time.
   */
  ModelRunJob: new (model: RawModel, cache: RawModelCache, options: RawRunOptions) => RawJob;
}
