/** Models of the Llama architecture with random weights, small enough for the oracle, as files in every shape. */
import { Random } from "./random.js";
import type { RawConfig } from "./reference-decoder.js";
import { fileOf, type MadeTensor } from "./safetensors.js";

/** How the numbers of a file are written. */
export type FileType = "F32" | "F16" | "BF16" | "I8";

export interface TinyModel {
  config: RawConfig;
  /** Rows and columns; a vector has one axis. */
  shapes: Map<string, number[]>;
  tensors: Map<string, Float32Array>;
}

const usual: RawConfig = {
  model_type: "llama",
  architectures: ["LlamaForCausalLM"],
  hidden_size: 32,
  intermediate_size: 48,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  head_dim: 8,
  vocab_size: 61,
  max_position_embeddings: 64,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  tie_word_embeddings: true,
  bos_token_id: 1,
  eos_token_id: 0,
};

/** Names and shapes as Hugging Face's files have them. */
export function shapesOf(config: RawConfig): Map<string, number[]> {
  const { hidden_size: width, intermediate_size: inner, vocab_size: words, num_attention_heads: heads } = config;
  const headDim = config.head_dim ?? width / heads;
  const [q, kv] = [heads * headDim, (config.num_key_value_heads ?? heads) * headDim];
  const biased = config["attention_bias"] === true || config["model_type"] === "qwen2";
  const shapes = new Map([["model.embed_tokens.weight", [words, width]]]);
  for (let layer = 0; layer < config.num_hidden_layers; ++layer) {
    const at = (name: string, ...shape: number[]) => shapes.set(`model.layers.${layer}.${name}`, shape);
    at("input_layernorm.weight", width);
    at("self_attn.q_proj.weight", q, width);
    at("self_attn.k_proj.weight", kv, width);
    at("self_attn.v_proj.weight", kv, width);
    at("self_attn.o_proj.weight", width, q);
    if (biased) {
      at("self_attn.q_proj.bias", q);
      at("self_attn.k_proj.bias", kv);
      at("self_attn.v_proj.bias", kv);
      if (config["model_type"] !== "qwen2") at("self_attn.o_proj.bias", width);
    }
    if (config["model_type"] === "qwen3") {
      at("self_attn.q_norm.weight", headDim);
      at("self_attn.k_norm.weight", headDim);
    }
    at("post_attention_layernorm.weight", width);
    at("mlp.gate_proj.weight", inner, width);
    at("mlp.up_proj.weight", inner, width);
    at("mlp.down_proj.weight", width, inner);
    if (config["mlp_bias"] === true) {
      at("mlp.gate_proj.bias", inner);
      at("mlp.up_proj.bias", inner);
      at("mlp.down_proj.bias", width);
    }
  }
  shapes.set("model.norm.weight", [width]);
  if (config["tie_word_embeddings"] !== true) shapes.set("lm_head.weight", [words, width]);
  return shapes;
}

/** Numbers that f16 holds exactly, so that files of F32 and F16 are the same model. */
const toHalf = (x: number): number => {
  if (x === 0) return 0;
  const step = 2 ** (Math.max(-14, Math.floor(Math.log2(Math.abs(x)))) - 10);
  return Math.round(x / step) * step;
};

/** A config.json with some fields changed. */
export function tinyConfig(changes: Record<string, unknown> = {}): RawConfig {
  return { ...usual, ...changes } as RawConfig;
}

/** Scores and logits spread as those of trained models do, rather than all alike. */
export function tinyModel(changes: Record<string, unknown> = {}, seed = 1): TinyModel {
  const config = tinyConfig(changes);
  const random = new Random(seed);
  const shapes = shapesOf(config);
  const tensors = new Map<string, Float32Array>();
  for (const [name, shape] of shapes) {
    const length = shape.reduce((product, size) => product * size, 1);
    const [, columns] = shape;
    const isNorm = /norm\.weight$/.test(name);
    const gain = /q_proj|k_proj/.test(name) ? 2.5 : /embed|lm_head/.test(name) ? 6 : 1.2;
    const spread = isNorm ? 0.3 : columns === undefined ? 0.2 : gain / Math.sqrt(columns);
    tensors.set(
      name,
      Float32Array.from(random.array(length, spread), (x) => toHalf(isNorm ? 1 + x : x)),
    );
  }
  return { config, shapes, tensors };
}

function halves(values: Float32Array): Uint8Array {
  const bits = Uint16Array.from(values, (x) => {
    const sign = x < 0 || Object.is(x, -0) ? 0x8000 : 0;
    const size = Math.abs(x);
    if (size === 0) return sign;
    const exponent = Math.max(-14, Math.floor(Math.log2(size)));
    const fraction = Math.round(size / 2 ** (exponent - 10));
    return sign + (fraction < 1024 ? fraction : ((exponent + 15) << 10) + fraction - 1024);
  });
  return new Uint8Array(bits.buffer);
}

function brains(values: Float32Array): Uint8Array {
  const bits = new Uint32Array(values.slice().buffer);
  return new Uint8Array(Uint16Array.from(bits, (word) => (word + 0x7fff + ((word >>> 16) & 1)) >>> 16).buffer);
}

/** Levels and scales of a matrix, row by row. */
export function levelsOf(values: Float32Array, columns: number): { levels: Int8Array; scales: Float32Array } {
  const scales = Float32Array.from({ length: values.length / columns }, (_, row) => {
    return Math.max(...values.subarray(row * columns, (row + 1) * columns).map(Math.abs)) / 127;
  });
  const levels = Int8Array.from(values, (x, i) => {
    const scale = scales[Math.floor(i / columns)]!;
    return scale === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(x / scale)));
  });
  return { levels, scales };
}

/** The tensors of a model as a file has them. */
export function madeTensors({ shapes, tensors }: TinyModel, type: FileType = "F32"): Record<string, MadeTensor> {
  const made: Record<string, MadeTensor> = {};
  for (const [name, values] of tensors) {
    const shape = shapes.get(name)!;
    const [rows, columns] = shape;
    if (type === "I8" && columns !== undefined) {
      const { levels, scales } = levelsOf(values, columns);
      made[`${name}.scale`] = { dtype: "F32", shape: [rows!], bytes: new Uint8Array(scales.buffer) };
      made[name] = { dtype: "I8", shape, bytes: new Uint8Array(levels.buffer) };
    } else {
      const dtype = type === "I8" ? "F32" : type;
      const bytes = { F32: (x: Float32Array) => new Uint8Array(x.slice().buffer), F16: halves, BF16: brains }[dtype](
        values,
      );
      made[name] = { dtype, shape, bytes };
    }
  }
  return made;
}

/** All of a model in one safetensors file. */
export function modelFile(model: TinyModel, type: FileType = "F32"): Uint8Array<ArrayBuffer> {
  return fileOf(madeTensors(model, type));
}

/** A byte-level BPE tokenizer of 61 tokens: 3 special ones, letters, and a few merges. */
export function tinyTokenizer(): Record<string, unknown> {
  const letters = [..."abcdefghijklmnopqrstuvwxyzABCDEFGHIJKL.,;!?Ġ0123456789"];
  const merges = ["t h", "th e", "Ġ a", "i n"];
  const words = ["<|end|>", "<s>", "<pad>", ...letters, ...merges.map((merge) => merge.replace(" ", ""))];
  const special = (content: string, id: number) => ({
    ...{ id, content, single_word: false, lstrip: false, rstrip: false, normalized: false, special: true },
  });
  return {
    version: "1.0",
    truncation: null,
    padding: null,
    added_tokens: words.slice(0, 3).map(special),
    normalizer: null,
    pre_tokenizer: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    post_processor: null,
    decoder: { type: "ByteLevel", add_prefix_space: false, trim_offsets: true, use_regex: true },
    model: {
      ...{ type: "BPE", dropout: null, unk_token: null, continuing_subword_prefix: null, end_of_word_suffix: null },
      ...{
        fuse_unk: false,
        byte_fallback: false,
        vocab: Object.fromEntries(words.map((word, id) => [word, id])),
        merges,
      },
    },
  };
}
