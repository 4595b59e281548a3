// heed's lab model as a GGUF file, the format of llama.cpp, made in the page from the same bytes: Q8_0 has blocks of 32
// levels with a half-float scale each, so every block of a row gets the row's scale, and the levels are the same.

import { openSafetensors } from "/dist/safetensors.js";

const encoder = new TextEncoder();
/** Numbers of the format. */
const types = { u32: 4, f32: 6, bool: 7, string: 8, array: 9 };
const f32Tensor = 0;
const q8Tensor = 8;
const blockLevels = 32;
const alignment = 32;

class Writer {
  #parts = [];
  length = 0;

  bytes(part) {
    this.#parts.push(part);
    this.length += part.length;
  }
  u32(x) {
    this.bytes(new Uint8Array(Uint32Array.of(x).buffer));
  }
  u64(x) {
    this.bytes(new Uint8Array(BigUint64Array.of(BigInt(x)).buffer));
  }
  f32(x) {
    this.bytes(new Uint8Array(Float32Array.of(x).buffer));
  }
  text(x) {
    const part = encoder.encode(x);
    this.u64(part.length);
    this.bytes(part);
  }
  pad() {
    this.bytes(new Uint8Array((alignment - (this.length % alignment)) % alignment));
  }
  blob() {
    return new Blob(this.#parts);
  }
}

/** Normal half floats are all that scales of weights need. */
function half(x) {
  const exponent = Math.floor(Math.log2(x));
  const bits = ((exponent + 15) << 10) + Math.round((x / 2 ** exponent - 1) * 1024);
  if (exponent < -14 || bits >= 0x7c00) throw new Error(`a scale is ${x}, which no normal half float is near`);
  return bits;
}

/** llama.cpp turns neighbors where Hugging Face's files turn halves: rows of q and k are in another order. */
function turned(row, headDim) {
  const [head, at] = [Math.floor(row / headDim), row % headDim];
  return head * headDim + (at % 2) * (headDim / 2) + Math.floor(at / 2);
}

function blocks(levels, scales, columns, rowFrom) {
  const perRow = columns / blockLevels;
  const out = new Uint8Array(scales.length * perRow * (2 + blockLevels));
  const view = new DataView(out.buffer);
  for (let row = 0, at = 0; row < scales.length; ++row) {
    const from = rowFrom(row);
    const scale = half(scales[from]);
    for (let block = 0; block < perRow; ++block, at += 2 + blockLevels) {
      view.setUint16(at, scale, true);
      out.set(
        levels.subarray(from * columns + block * blockLevels, from * columns + (block + 1) * blockLevels),
        at + 2,
      );
    }
  }
  return out;
}

const names = {
  "input_layernorm.weight": "attn_norm.weight",
  "self_attn.q_proj.weight": "attn_q.weight",
  "self_attn.k_proj.weight": "attn_k.weight",
  "self_attn.v_proj.weight": "attn_v.weight",
  "self_attn.o_proj.weight": "attn_output.weight",
  "post_attention_layernorm.weight": "ffn_norm.weight",
  "mlp.gate_proj.weight": "ffn_gate.weight",
  "mlp.up_proj.weight": "ffn_up.weight",
  "mlp.down_proj.weight": "ffn_down.weight",
  "model.embed_tokens.weight": "token_embd.weight",
  "model.norm.weight": "output_norm.weight",
};

function nameOf(name) {
  const [, layer, part] = /^model\.layers\.(\d+)\.(.*)$/.exec(name) ?? [];
  return layer === undefined ? names[name] : `blk.${layer}.${names[part]}`;
}

async function tensorOf(file, name, headDim) {
  const { dtype, shape } = file.entry(name);
  const bytes = (await file.bytes(name)).slice();
  if (dtype === "F32") return { name: nameOf(name), shape, type: f32Tensor, bytes };
  const order = /\.[qk]_proj\./.test(name) ? (row) => turned(row, headDim) : (row) => row;
  const scales = await file.numbers(`${name}.scale`);
  const levels = new Uint8Array(bytes.buffer);
  return { name: nameOf(name), shape, type: q8Tensor, bytes: blocks(levels, scales, shape[1], order) };
}

function metadata(config, tokenizer) {
  const { vocab, merges } = tokenizer.model;
  const tokens = Object.entries(vocab)
    .sort(([, a], [, b]) => a - b)
    .map(([token]) => token);
  const special = new Set(tokenizer.added_tokens.map(({ id }) => id));
  return [
    ["general.architecture", "string", "llama"],
    ["general.name", "string", "tiny-llama-16k"],
    ["llama.context_length", "u32", config.max_position_embeddings],
    ["llama.embedding_length", "u32", config.hidden_size],
    ["llama.block_count", "u32", config.num_hidden_layers],
    ["llama.feed_forward_length", "u32", config.intermediate_size],
    ["llama.attention.head_count", "u32", config.num_attention_heads],
    ["llama.attention.head_count_kv", "u32", config.num_key_value_heads],
    ["llama.attention.layer_norm_rms_epsilon", "f32", config.rms_norm_eps],
    ["llama.rope.dimension_count", "u32", config.head_dim],
    ["llama.rope.freq_base", "f32", config.rope_theta],
    ["llama.vocab_size", "u32", config.vocab_size],
    ["tokenizer.ggml.model", "string", "gpt2"],
    ["tokenizer.ggml.pre", "string", "smollm"],
    ["tokenizer.ggml.tokens", "array", { of: "string", values: tokens }],
    ["tokenizer.ggml.token_type", "array", { of: "u32", values: tokens.map((_, id) => (special.has(id) ? 3 : 1)) }],
    ["tokenizer.ggml.merges", "array", { of: "string", values: merges.map((one) => [one].flat().join(" ")) }],
    ["tokenizer.ggml.bos_token_id", "u32", config.bos_token_id],
    ["tokenizer.ggml.eos_token_id", "u32", config.eos_token_id],
    ["tokenizer.ggml.add_bos_token", "bool", true],
  ];
}

function write(out, type, value) {
  if (type === "string") out.text(value);
  else if (type === "f32") out.f32(value);
  else if (type === "bool") out.bytes(Uint8Array.of(value ? 1 : 0));
  else if (type === "u32") out.u32(value);
  else {
    // Types of tokens are signed there; these are small.
    out.u32(value.of === "u32" ? 5 : types[value.of]);
    out.u64(value.values.length);
    for (const one of value.values) write(out, value.of, one);
  }
}

/** `folder`: where the model's files lie. Returns the file as a Blob. */
export async function ggufOf(folder) {
  const json = async (name) => (await fetch(folder + name)).json();
  const [config, tokenizer, index] = await Promise.all(
    ["config.json", "tokenizer.json", "model.safetensors.index.json"].map(json),
  );
  const tensors = [];
  for (const name of new Set(Object.values(index.weight_map))) {
    const data = new Uint8Array(await (await fetch(folder + name)).arrayBuffer());
    const read = async (from, to) => data.subarray(from, to);
    const file = await openSafetensors({ name, size: data.length, read });
    for (const tensor of file.tensors.keys()) {
      if (!tensor.endsWith(".scale")) tensors.push(await tensorOf(file, tensor, config.head_dim));
    }
  }
  const out = new Writer();
  const fields = metadata(config, tokenizer);
  out.bytes(encoder.encode("GGUF"));
  out.u32(3);
  out.u64(tensors.length);
  out.u64(fields.length);
  for (const [name, type, value] of fields) {
    out.text(name);
    out.u32(types[type]);
    write(out, type, value);
  }
  let offset = 0;
  for (const { name, shape, type, bytes } of tensors) {
    out.text(name);
    out.u32(shape.length);
    for (const size of [...shape].reverse()) out.u64(size);
    out.u32(type);
    out.u64(offset);
    offset += Math.ceil(bytes.length / alignment) * alignment;
  }
  out.pad();
  for (const { bytes } of tensors) {
    out.bytes(bytes);
    out.pad();
  }
  return out.blob();
}
