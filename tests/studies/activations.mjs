// What attention receives in every layer of a model of the Llama architecture, for `heed sweep E10` and `heed radius`.
//
//   node tests/studies/activations.mjs MODEL OUT [TOKENS]
//
// MODEL is the folder of a model whose weights are float16 or float32; the text are the first TOKENS (1024) tokens of
// web/lab/assets/qkv/tokens.json, in the vocabulary of the project's own model. OUT becomes a safetensors file with
// model.layers.N.input_layernorm, (tokens, width), float32. A plain forward pass in double sums: it is here for its
// clarity, and takes a minute or more.

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Tensors of a safetensors file by name, as numbers. */
export function openTensors(path) {
  const bytes = readFileSync(path);
  const headerSize = Number(bytes.readBigUInt64LE(0));
  const header = JSON.parse(bytes.subarray(8, 8 + headerSize).toString());
  return (name) => {
    const { dtype, data_offsets: [from, to] = [] } = header[name] ?? {};
    const part = bytes.buffer.slice(bytes.byteOffset + 8 + headerSize + from, bytes.byteOffset + 8 + headerSize + to);
    if (dtype === "F32") return new Float32Array(part);
    if (dtype === "F16") return Float32Array.from(new Uint16Array(part), widen);
    throw new Error(`${name} is ${dtype}; F16 or F32 is needed`);
  };
}

/** A half float's bits as a number. */
function widen(half) {
  const [sign, exponent, fraction] = [half >> 15 ? -1 : 1, (half >> 10) & 31, half & 1023];
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return exponent === 31 ? sign * (fraction ? NaN : Infinity) : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

/** (rows, out) = (rows, width) times the transpose of (out, width). */
export function linear(x, weights, rows, width, out) {
  const y = new Float32Array(rows * out);
  for (let o = 0; o < out; ++o) {
    const w = weights.subarray(o * width, (o + 1) * width);
    for (let i = 0; i < rows; ++i) {
      const from = i * width;
      let [a, b, c, d] = [0, 0, 0, 0];
      for (let j = 0; j < width; j += 4) {
        a += x[from + j] * w[j];
        b += x[from + j + 1] * w[j + 1];
        c += x[from + j + 2] * w[j + 2];
        d += x[from + j + 3] * w[j + 3];
      }
      y[i * out + o] = a + b + (c + d);
    }
  }
  return y;
}

function normed(x, gain, rows, width, epsilon) {
  const y = new Float32Array(x.length);
  for (let i = 0; i < rows; ++i) {
    let squares = 0;
    for (let j = 0; j < width; ++j) squares += x[i * width + j] ** 2;
    const scale = 1 / Math.sqrt(squares / width + epsilon);
    for (let j = 0; j < width; ++j) y[i * width + j] = x[i * width + j] * scale * gain[j];
  }
  return y;
}

function rotate(x, rows, heads, dim, base) {
  for (let i = 0; i < rows; ++i) {
    for (let h = 0; h < heads; ++h) {
      for (let c = 0; c < dim / 2; ++c) {
        const angle = i * base ** ((-2 * c) / dim);
        const [a, b] = [(i * heads + h) * dim + c, (i * heads + h) * dim + c + dim / 2];
        const [p, q] = [x[a], x[b]];
        x[a] = p * Math.cos(angle) - q * Math.sin(angle);
        x[b] = p * Math.sin(angle) + q * Math.cos(angle);
      }
    }
  }
}

function attend(q, k, v, rows, heads, kvHeads, dim) {
  const out = new Float32Array(rows * heads * dim);
  const weights = new Float64Array(rows);
  for (let h = 0; h < heads; ++h) {
    const g = Math.floor((h * kvHeads) / heads);
    for (let i = 0; i < rows; ++i) {
      let highest = -Infinity;
      for (let j = 0; j <= i; ++j) {
        let sum = 0;
        for (let c = 0; c < dim; ++c) sum += q[(i * heads + h) * dim + c] * k[(j * kvHeads + g) * dim + c];
        weights[j] = sum / Math.sqrt(dim);
        highest = Math.max(highest, weights[j]);
      }
      let all = 0;
      for (let j = 0; j <= i; ++j) all += weights[j] = Math.exp(weights[j] - highest);
      for (let j = 0; j <= i; ++j) {
        const share = weights[j] / all;
        for (let c = 0; c < dim; ++c) out[(i * heads + h) * dim + c] += share * v[(j * kvHeads + g) * dim + c];
      }
    }
  }
  return out;
}

/** For every layer what attention receives, and its queries and keys. */
export function* forward(folder, tokens) {
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8"));
  const tensor = openTensors(join(folder, "model.safetensors"));
  const { hidden_size: width, num_attention_heads: heads, num_key_value_heads: kvHeads = heads } = config;
  const { rms_norm_eps: epsilon, rope_theta: base, num_hidden_layers: layers, intermediate_size: middle } = config;
  const [rows, dim] = [tokens.length, config.head_dim ?? width / heads];
  const embeddings = tensor("model.embed_tokens.weight");
  const x = Float32Array.from(
    { length: rows * width },
    (_, i) => embeddings[tokens[Math.floor(i / width)] * width + (i % width)],
  );
  for (let layer = 0; layer < layers; ++layer) {
    const of = (name) => tensor(`model.layers.${layer}.${name}.weight`);
    const input = normed(x, of("input_layernorm"), rows, width, epsilon);
    const [q, k, v] = ["q", "k", "v"].map((name) =>
      linear(input, of(`self_attn.${name}_proj`), rows, width, (name === "q" ? heads : kvHeads) * dim),
    );
    rotate(q, rows, heads, dim, base);
    rotate(k, rows, kvHeads, dim, base);
    yield { layer, input, q, k };
    const mixed = linear(attend(q, k, v, rows, heads, kvHeads, dim), of("self_attn.o_proj"), rows, heads * dim, width);
    for (let i = 0; i < x.length; ++i) x[i] += mixed[i];
    const between = normed(x, of("post_attention_layernorm"), rows, width, epsilon);
    const gate = linear(between, of("mlp.gate_proj"), rows, width, middle);
    const up = linear(between, of("mlp.up_proj"), rows, width, middle);
    for (let i = 0; i < gate.length; ++i) gate[i] *= up[i] / (1 + Math.exp(-gate[i]));
    const down = linear(gate, of("mlp.down_proj"), rows, middle, width);
    for (let i = 0; i < x.length; ++i) x[i] += down[i];
  }
}

/** Numbers of tokens by their text, in a vocabulary of byte-level BPE, where every byte is a printable letter. */
export function tokenNumbers(folder, texts) {
  const { model } = JSON.parse(readFileSync(join(folder, "tokenizer.json"), "utf8"));
  const plain = (byte) => (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
  const others = Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => !plain(byte));
  const letter = (byte) => String.fromCharCode(plain(byte) ? byte : 256 + others.indexOf(byte));
  return texts.map((text) => {
    const number = model.vocab[text] ?? model.vocab[Array.from(Buffer.from(text), letter).join("")];
    if (number === undefined) throw new Error(`the vocabulary has no ${JSON.stringify(text)}`);
    return number;
  });
}

/** A safetensors file of float32 tensors, [name, shape, numbers] each. */
export function safetensors(tensors) {
  const header = {};
  let offset = 0;
  for (const [name, shape, { byteLength }] of tensors) {
    header[name] = { dtype: "F32", shape, data_offsets: [offset, (offset += byteLength)] };
  }
  const text = JSON.stringify(header);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const parts = tensors.map(([, , { buffer, byteOffset, byteLength }]) => Buffer.from(buffer, byteOffset, byteLength));
  return Buffer.concat([length, padded, ...parts]);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [model, out, count = "1024"] = process.argv.slice(2);
  if (out === undefined) throw new Error("usage: node tests/studies/activations.mjs MODEL OUT [TOKENS]");
  const texts = JSON.parse(readFileSync(new URL("../../web/lab/assets/qkv/tokens.json", import.meta.url), "utf8"));
  const tokens = tokenNumbers(model, texts.slice(0, Number(count)));
  const tensors = [];
  for (const { layer, input } of forward(model, tokens)) {
    tensors.push([`model.layers.${layer}.input_layernorm`, [tokens.length, input.length / tokens.length], input]);
    console.log(`layer ${layer}`);
  }
  writeFileSync(out, safetensors(tensors));
}
