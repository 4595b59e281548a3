/** What a decoder returns, in both entries. */
import type { DecoderType } from "./decoder-options.js";

/** What a decoder is made of. */
export interface DecoderInfo {
  /** `model_type` of the config. */
  family: string;
  /** Transformer blocks. */
  layers: number;
  /** Query heads of a layer. */
  heads: number;
  /** Key and value heads of a layer. */
  kvHeads: number;
  /** Width of a head. */
  headDim: number;
  /** Of the residual stream. */
  width: number;
  /** Of the feed-forward layer. */
  innerWidth: number;
  /** Tokens that the model knows. */
  vocabulary: number;
  /** `max_position_embeddings` of the config. */
  contextLength: number;
  /** The most tokens of a text. */
  capacity: number;
  /** Numbers in all weights. */
  parameters: number;
  /** How matrices are kept. */
  dtype: DecoderType;
  /** Of all weights in memory. */
  weightBytes: number;
  /** Whether it takes and gives text. */
  text: boolean;
}

/**
 * What attention did, per layer and head (layer-major): entry layer * heads + head. Means over the rows of the call.
 */
export interface AttentionProfile {
  /** Transformer blocks. */
  layers: number;
  /** Query heads of a layer. */
  heads: number;
  /** Entries kept. */
  kept: Float64Array;
  /** Attention that was dropped, from 0 to 1; what a window hides counts. */
  dropped: Float64Array;
  /** An upper bound of it. */
  bound: Float64Array;
  /** Of the exact weights, in nats. */
  entropy: Float64Array;
  /** Entries above 0.01. */
  effective: Float64Array;
  /** Standard deviation of a row's scores. */
  sigma: Float64Array;
  /** Exact attention to the first 4 tokens. */
  sink: Float64Array;
  /** Exact attention of a row to its own token. */
  self: Float64Array;
  /** C of n^C that Gaussian scores of this sigma would need: 1 - sigma² / (2 ln n), from 0 to 1. */
  exponent: Float64Array;
  /**
   * R = B² ||W_Q W_Kᵀ||_F scale, B the largest normalized input, the norm averaged over rotary offsets. NaN where
   * queries and keys are normalized, which bounds scores by other means.
   */
  radius: Float64Array;
  /** The same with the mean square of the inputs in place of B²: the sigma that independent inputs would give. */
  rmsRadius: Float64Array;
}

/**
 * What policies know of their own rows, per layer and head (layer-major): entry layer * heads + head. Means over the
 * rows of the call. What a window hides is not measured here, as it is in a profile: shares are of what a row sees.
 */
export interface AttentionReport {
  /** Transformer blocks. */
  layers: number;
  /** Query heads of a layer. */
  heads: number;
  /** Entries seen: all before the row and its own, or those that a window leaves. */
  seen: Float64Array;
  /** Entries kept of these. */
  kept: Float64Array;
  /** Attention over what is seen that was dropped, from 0 to 1; 0 for exact attention. */
  dropped: Float64Array;
  /** An upper bound of it. */
  bound: Float64Array;
}

/** One token, as `generate` yields it. */
export interface GeneratedToken {
  /** In the vocabulary. */
  id: number;
  /** What the text grows by: characters of several tokens come with the last of them. "" without a tokenizer. */
  text: string;
  /** Of the token under the model: natural log of its probability, before temperature and topP. */
  logprob: number;
  /** Its place in the text; the prompt begins at 0. */
  position: number;
  /** Milliseconds from asking the model for it to having it; that of the first includes the prompt. */
  ms: number;
  /** Tokens per second over the last 16 tokens, the first one left out; 0 with the first. */
  tokensPerSecond: number;
  /** Tokens that the cache holds. */
  cacheTokens: number;
  /** Bytes that keys and values take. */
  cacheBytes: number;
  /** Tokens of the prompt that an earlier call had left in the cache, and that were not computed again. */
  reused: number;
  /** With `profile: true`: the step that led to this token; with the first one, the prompt. */
  profile?: AttentionProfile;
  /** With `report: true`: what the policies know of the same step. */
  report?: AttentionReport;
  /**
   * Mean over layers and heads of the attention that the step dropped. NaN without `profile: true` or `report: true`,
   * and under a window without a profile, which alone measures what is hidden.
   */
  dropped: number;
  /** Why no token follows: the text's end, the number of tokens asked for, or the capacity; undefined otherwise. */
  end?: "stop" | "tokens" | "capacity";
}

/** A decoder's `score`. */
export interface TextScore {
  /** Mean of `losses`, in nats a token. NaN for a text of one token. */
  loss: number;
  /** (tokens - 1): -ln p of each token given those before it; the first token has none. */
  losses: Float32Array;
}
