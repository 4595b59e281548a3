/** What a caller may pass to `heed.Decoder` and to a decoder, in both entries. */
import type { CacheType } from "./cache-options.js";
import type { CallOptions, Estimator, Keep } from "./options.js";

/** A file of JSON: parsed, its bytes, a Blob, or where it lies; in Node also a path. */
export type JsonSource = object | ArrayBuffer | Uint8Array | Blob | URL | string;

/** A file of weights: its bytes, a Blob (a File), or where it lies; in Node also a path. */
export type WeightSource = Blob | ArrayBuffer | Uint8Array | URL | string;

/**
 * How weights are kept in memory. Vectors are always f32.
 *
 * - `"f32"`, `"f16"`, `"bf16"`: rounded to that, where it is not what the file has.
 * - `"int8"`: each row of a matrix as bytes with a scale: an element is off by at most 1/254 of its row's largest.
 * - `"int4"`: groups of 32 in half bytes with a scale each; embeddings, and a head of their own, stay int8.
 */
export type DecoderType = "f32" | "f16" | "bf16" | "int8" | "int4";

/** Options of `heed.Decoder.load`. */
export interface LoadOptions {
  /** The model's config.json. */
  config: JsonSource;
  /**
   * One safetensors file, or all of them, in any order and with their index or without. The address or path of an index
   * alone stands for the files beside it. They are read slice by slice and never held as a whole.
   */
  weights: WeightSource | readonly WeightSource[];
  /** The model's tokenizer.json. Without it the decoder takes token ids and gives no text. */
  tokenizer?: JsonSource;
  /** The model's tokenizer_config.json: which special tokens begin a text. Default: what tokenizer.json says. */
  tokenizerConfig?: JsonSource;
  /** Default: as the file has them. */
  dtype?: DecoderType;
  /** How keys and values are kept. Default: "f32". */
  cacheType?: CacheType;
  /** The most tokens of a text, prompt and continuation. Default: `max_position_embeddings` of the config. */
  capacity?: number;
  /** Ends the loading; it then rejects with the signal's reason, and what was loaded is given back. */
  signal?: AbortSignal;
  /** Told, in bytes of weights, how much is loaded. */
  onProgress?: (progress: { phase: "run"; loaded: number; total: number }) => void;
}

/** Attention over the best `keep` tokens of each row. */
export interface SparsePolicy {
  /** Entries kept per row; `window` and `sinks` decide what a row sees. An array has one for each query head. */
  keep: Keep | readonly Keep[];
  /** Default: "linear". */
  estimator?: Estimator;
  /** How the kept tokens are found; the set is the same. Default: "auto". */
  search?: "exact" | "int8" | "auto";
  /** Only the last so many tokens are seen, the row's own included, and the first `sinks`. Default: no window. */
  window?: number;
  /** The first so many tokens are always kept, and count as kept. Default: 0. */
  sinks?: number;
}

/** Exact attention over the last `window` tokens and the first `sinks` (StreamingLLM, arXiv 2309.17453). */
export interface WindowPolicy {
  /** The most recent keys that are seen. */
  window: number;
  /** Default: 0. */
  sinks?: number;
}

/** How one layer attends. */
export type LayerPolicy = "exact" | SparsePolicy | WindowPolicy;

/** How a model attends: alike in all layers, or an array with one policy for each layer. */
export type AttentionPolicy = LayerPolicy | readonly LayerPolicy[];

/** Text, which the tokenizer turns into ids, or ids themselves. */
export type Prompt = string | readonly number[] | Uint32Array;

/** Options of a decoder's `encode`. */
export interface EncodeOptions {
  /** Begin with `bos_token_id`. Default: whether tokenizer.json or `add_bos_token` of tokenizer_config.json says so. */
  bos?: boolean;
}

/** Options of calls that run the model. */
export interface RunOptions extends Omit<CallOptions, "transfer">, EncodeOptions {
  /** Default: "exact". */
  attention?: AttentionPolicy;
}

/** Options of a decoder's `generate`. */
export interface GenerateOptions extends RunOptions {
  /** How the prompt attends. Default: as `attention` says. */
  promptAttention?: AttentionPolicy;
  /** The most tokens to generate, at least 1. Default: 128. */
  tokens?: number;
  /** 0 takes the likeliest token; above, probabilities are raised to the power 1 / temperature. Default: 0. */
  temperature?: number;
  /** From above 0 to 1: only the fewest tokens that together have this probability are drawn from. Default: 1. */
  topP?: number;
  /** Of the draws; an integer of at least 0. The same seed gives the same tokens on one machine. Default: 0. */
  seed?: number;
  /** Ids that end the text. Default: `eos_token_id` of the config. */
  stop?: readonly number[];
  /**
   * Measure each step's attention by layer and head: `profile` of every token. Costs about as much as exact attention
   * on top of the policy's own. Default: false.
   */
  profile?: boolean;
  /**
   * Say what each step kept and dropped by layer and head: `report` of every token. Costs next to nothing. Default:
   * false.
   */
  report?: boolean;
}

/** Options of a decoder's `score`. */
export type ScoreTextOptions = RunOptions;

/** Options of a decoder's `profile`. */
export type ProfileOptions = RunOptions;
