/** config.json: every field that decides the computation is read, and what is not computed is refused by name. */
import { describe, expect, test } from "vitest";

import { readConfig } from "../../../web/src/model/config.js";
import { expectedTensors } from "../../../web/src/model/expected-tensors.js";
import type { RawConfig } from "../support/reference-decoder.js";
import { shapesOf, tinyConfig } from "../support/tiny-model.js";

const read = (changes: Record<string, unknown> = {}) => readConfig("config", tinyConfig(changes));
const without = (...names: string[]) => {
  const config: Record<string, unknown> = tinyConfig();
  for (const name of names) delete config[name];
  return readConfig("config", config);
};

/** The shapes of published models, by what their config.json says. */
const published: Record<string, Record<string, unknown>> = {
  "SmolLM2 135M": {
    ...{ model_type: "llama", architectures: ["LlamaForCausalLM"], attention_bias: false, mlp_bias: false },
    ...{ hidden_size: 576, intermediate_size: 1536, num_hidden_layers: 30, num_attention_heads: 9 },
    ...{ num_key_value_heads: 3, vocab_size: 49152, max_position_embeddings: 8192, rms_norm_eps: 1e-5 },
    ...{ rope_theta: 100000, rope_scaling: null, rope_interleaved: false, tie_word_embeddings: true },
    ...{ bos_token_id: 0, eos_token_id: 0, hidden_act: "silu", pretraining_tp: 1, is_llama_config: true },
  },
  "Llama 3.2 1B": {
    ...{ model_type: "llama", architectures: ["LlamaForCausalLM"], attention_bias: false, mlp_bias: false },
    ...{ hidden_size: 2048, intermediate_size: 8192, num_hidden_layers: 16, num_attention_heads: 32, head_dim: 64 },
    ...{ num_key_value_heads: 8, vocab_size: 128256, max_position_embeddings: 131072, rms_norm_eps: 1e-5 },
    ...{ rope_theta: 500000, tie_word_embeddings: true, bos_token_id: 128000, eos_token_id: [128001, 128008] },
    rope_scaling: {
      ...{ factor: 32, high_freq_factor: 4, low_freq_factor: 1, rope_type: "llama3" },
      original_max_position_embeddings: 8192,
    },
  },
  "Qwen2.5 0.5B": {
    ...{ model_type: "qwen2", architectures: ["Qwen2ForCausalLM"], hidden_size: 896, intermediate_size: 4864 },
    ...{ num_hidden_layers: 24, num_attention_heads: 14, num_key_value_heads: 2, vocab_size: 151936 },
    ...{ max_position_embeddings: 32768, max_window_layers: 24, sliding_window: 32768, use_sliding_window: false },
    ...{ rms_norm_eps: 1e-6, rope_theta: 1000000, tie_word_embeddings: true, use_mrope: false },
    ...{ bos_token_id: 151643, eos_token_id: 151643 },
  },
  "Qwen3 0.6B": {
    ...{ model_type: "qwen3", architectures: ["Qwen3ForCausalLM"], hidden_size: 1024, intermediate_size: 3072 },
    ...{ num_hidden_layers: 28, num_attention_heads: 16, num_key_value_heads: 8, head_dim: 128, vocab_size: 151936 },
    ...{ max_position_embeddings: 40960, attention_bias: false, rope_theta: 1000000, rope_scaling: null },
    ...{ sliding_window: null, use_sliding_window: false, tie_word_embeddings: true, rms_norm_eps: 1e-6 },
    ...{ bos_token_id: 151643, eos_token_id: 151645 },
  },
  "Mistral 7B v0.3": {
    ...{ model_type: "mistral", architectures: ["MistralForCausalLM"], hidden_size: 4096, intermediate_size: 14336 },
    ...{ num_hidden_layers: 32, num_attention_heads: 32, num_key_value_heads: 8, vocab_size: 32768 },
    ...{ max_position_embeddings: 32768, sliding_window: null, rope_theta: 1000000, rms_norm_eps: 1e-5 },
    ...{ tie_word_embeddings: false, bos_token_id: 1, eos_token_id: 2 },
  },
};

describe("reading", () => {
  test.each(Object.entries(published))("%s", (_name, config) => {
    const read = readConfig("config", config);
    expect(
      [...expectedTensors(read)]
        .map(([name, { rows, columns, role }]) => [name, role === "vector" ? [columns] : [rows, columns]])
        .sort(),
    ).toEqual([...shapesOf(config as RawConfig)].sort());
    expect(read).toMatchObject({
      ...{ family: config["model_type"], layers: config["num_hidden_layers"], width: config["hidden_size"] },
      ...{ tied: config["tie_word_embeddings"], epsilon: config["rms_norm_eps"] },
      eos: [config["eos_token_id"]].flat(),
    });
  });

  test("what a family means where the config is silent", () => {
    expect(readConfig("c", published["Qwen2.5 0.5B"])).toMatchObject({
      ...{ attentionBias: true, outputBias: false, queryKeyNorm: false, headDim: 64 },
    });
    expect(readConfig("c", published["Qwen3 0.6B"])).toMatchObject({ attentionBias: false, queryKeyNorm: true });
    expect(read({ attention_bias: true, mlp_bias: true })).toMatchObject({
      ...{ attentionBias: true, outputBias: true, innerBias: true },
    });
    expect(without("num_key_value_heads").kvHeads).toBe(4);
    expect(without("head_dim").headDim).toBe(8);
    expect(without("tie_word_embeddings").tied).toBe(false);
    expect(without("rms_norm_eps").epsilon).toBe(1e-6);
    expect(without("eos_token_id", "bos_token_id")).toMatchObject({ eos: [], bos: undefined });
  });

  test("positions, in both ways of writing them", () => {
    expect(read().rope).toEqual({ kind: "default", base: 10000 });
    expect(without("rope_theta").rope).toEqual({ kind: "default", base: 10000 });
    expect(read({ rope_theta: undefined, rope_parameters: { rope_type: "default", rope_theta: 7e5 } }).rope).toEqual({
      ...{ kind: "default", base: 7e5 },
    });
    expect(read({ rope_scaling: { type: "linear", factor: 4 } }).rope).toEqual({
      ...{ kind: "linear", base: 10000, factor: 4 },
    });
    expect(read({ rope_scaling: { rope_type: "dynamic", factor: 2 } }).rope).toMatchObject({ originalLength: 64 });
    const yarn = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 32 };
    expect(read({ rope_scaling: yarn }).rope).toEqual({
      ...{ kind: "yarn", base: 10000, factor: 4, fast: 32, slow: 1, originalLength: 32, truncate: true },
      attentionFactor: 0.1 * Math.log(4) + 1,
    });
    expect(read({ rope_scaling: { ...yarn, mscale: 2, mscale_all_dim: 1 } }).rope).toMatchObject({
      attentionFactor: (0.2 * Math.log(4) + 1) / (0.1 * Math.log(4) + 1),
    });
  });
});

describe("refusing", () => {
  test.each<[string, unknown, RegExp]>([
    ["nothing", undefined, /config is undefined; a JSON object/],
    ["an array", [], /config is an object \(Array\); a JSON object/],
    ["bytes", new Uint8Array(3), /config is a Uint8Array; a JSON object/],
    ["no type", {}, /model_type of config is missing; one of llama, mistral, qwen2, qwen3/],
    ["a type of objects", { model_type: "constructor" }, /model_type of config is the string "constructor"; one of/],
  ])("%s", (_name, value, message) => {
    expect(() => readConfig("config", value)).toThrow(message);
    expect(() => readConfig("config", value)).toThrow(expect.objectContaining({ name: "HeedError" }));
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [{ model_type: "gemma2" }, /model_type of config is the string "gemma2"; one of llama/],
    [{ architectures: ["LlamaForSequenceClassification"] }, /architectures of config is .*must have LlamaForCausalLM/],
    [{ architectures: "LlamaForCausalLM" }, /architectures of config/],
    [{ hidden_act: "gelu" }, /hidden_act of config is the string "gelu"/],
    [{ sliding_window: 32 }, /sliding_window of config is 32, with max_position_embeddings 64/],
    [{ layer_types: ["full_attention", "sliding_attention"] }, /layer_types of config/],
    [{ use_sliding_window: true }, /use_sliding_window of config is true/],
    [{ num_local_experts: 8 }, /num_local_experts of config is 8/],
    [{ quantization_config: { bits: 4 } }, /quantization_config of config is \{"bits":4\}/],
    [{ attn_logit_softcapping: 50 }, /attn_logit_softcapping of config is 50/],
    [{ partial_rotary_factor: 0.5 }, /partial_rotary_factor of config is 0.5/],
    [
      { rope_scaling: { rope_type: "longrope", factor: 4 } },
      /rope_type of rope_scaling of config is the string "longrope"/,
    ],
    [{ rope_parameters: { rope_type: "default", partial_rotary_factor: 0.25 } }, /partial_rotary_factor of rope_param/],
  ])("%j is not computed here", (changes, message) => {
    expect(() => read(changes)).toThrow(message);
    expect(() => read(changes)).toThrow(expect.objectContaining({ code: "unsupported" }));
  });

  test.each<[Record<string, unknown>, RegExp]>([
    [{ hidden_size: undefined }, /hidden_size of config is missing; an integer from 1 to 131072/],
    [{ hidden_size: "512" }, /hidden_size of config is the string "512"/],
    [{ hidden_size: 2 ** 31 }, /hidden_size of config is 2147483648/],
    [{ num_hidden_layers: 0 }, /num_hidden_layers of config is 0/],
    [{ num_hidden_layers: 1e9 }, /num_hidden_layers of config is 1000000000; an integer from 1 to 1024/],
    [{ num_hidden_layers: 2.5 }, /num_hidden_layers of config is 2.5/],
    [
      { num_attention_heads: 3, head_dim: undefined },
      /num_attention_heads of config is 3 and num_key_value_heads is 2/,
    ],
    [{ num_attention_heads: 6, num_key_value_heads: 6, head_dim: undefined }, /head_dim of config is missing/],
    [{ head_dim: 7 }, /head_dim of config is 7; an even number/],
    [{ vocab_size: -1 }, /vocab_size of config is -1/],
    [{ intermediate_size: null }, /intermediate_size of config is missing/],
    [{ rms_norm_eps: 0 }, /rms_norm_eps of config is 0/],
    [{ rms_norm_eps: "1e-5" }, /rms_norm_eps of config is the string/],
    [{ tie_word_embeddings: 1 }, /tie_word_embeddings of config is 1; true or false/],
    [{ attention_bias: "no" }, /attention_bias of config is the string "no"/],
    [{ rope_theta: 1 }, /rope_theta of config is 1; a finite number greater than 1/],
    [{ rope_theta: 500, rope_parameters: { rope_theta: 501 } }, /rope_theta of config is 500, and that of .* is 501/],
    [{ rope_scaling: [] }, /rope_scaling of config is an object \(Array\)/],
    [{ rope_scaling: { type: "linear", rope_type: "yarn", factor: 2 } }, /rope_type of .* is .*"yarn" and its type is/],
    [{ rope_scaling: { type: "linear" } }, /factor of rope_scaling of config is missing/],
    [{ rope_scaling: { type: "linear", factor: 0.5 } }, /factor of rope_scaling of config is 0.5/],
    [{ rope_scaling: { type: "llama3", factor: 8, low_freq_factor: 4, high_freq_factor: 1 } }, /high_freq_factor of/],
    [{ rope_scaling: { type: "yarn", factor: 8, beta_fast: 1, beta_slow: 2 } }, /beta_fast of rope_scaling/],
    [{ rope_scaling: { type: "linear", factor: 2 }, rope_parameters: { rope_type: "default" } }, /also another/],
    [{ eos_token_id: 61 }, /eos_token_id of config is 61; an integer from 0 to vocab_size - 1 = 60/],
    [{ eos_token_id: [0, "1"] }, /eos_token_id of config/],
    [{ bos_token_id: -1 }, /bos_token_id of config is -1/],
  ])("%j", (changes, message) => {
    expect(() => read(changes)).toThrow(message);
    expect(() => read(changes)).toThrow(expect.objectContaining({ code: "invalid-argument" }));
  });
});
