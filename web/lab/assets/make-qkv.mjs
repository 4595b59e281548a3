// Splits one safetensors file with the attention inputs of several layers into one file per layer, so that a page loads
// only the layer it shows:
//
//   node web/lab/assets/make-qkv.mjs persuasion-2048.safetensors
//
// Origin: the queries, keys and values (after RoPE, float16) of tiny-llama-16k, a language model of 27.8 million
// parameters trained from scratch for this project (Llama architecture, 8 layers, 8 query heads, 4 key/value heads,
// head size 64), on the first 2048 tokens of Jane Austen's "Persuasion" (1817), `<s>` first. The model was trained on
// text that is in the public domain or under CC0, MIT, BSD, Apache-2.0, PSF, PostgreSQL and BSL licences and has not
// seen the novel, which is in the public domain. These files are under the licence of this project (MIT).
//
// layer-N.safetensors: q [2048, 8, 64], k and v [2048, 4, 64]; token-major; scale 1/8; causal; query head h reads
// key/value head floor(h / 2).
import { readFileSync, writeFileSync } from "node:fs";

const [source] = process.argv.slice(2);
if (source === undefined) throw new Error("usage: node make-qkv.mjs FILE.safetensors");

const file = readFileSync(source);
const headerBytes = Number(file.readBigUInt64LE(0));
const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString("utf8"));
const start = 8 + headerBytes;

const layers = new Map();
for (const [name, tensor] of Object.entries(header)) {
  const match = /^layer(\d+)\.([qkv])$/.exec(name);
  if (match === null) continue;
  const [, layer, part] = match;
  layers.set(layer, [...(layers.get(layer) ?? []), { part, tensor }]);
}

for (const [layer, parts] of layers) {
  const chunks = [];
  const entries = {};
  let offset = 0;
  for (const { part, tensor } of parts.sort((a, b) => "qkv".indexOf(a.part) - "qkv".indexOf(b.part))) {
    const [from, to] = tensor.data_offsets;
    entries[part] = { dtype: tensor.dtype, shape: tensor.shape, data_offsets: [offset, offset + to - from] };
    chunks.push(file.subarray(start + from, start + to));
    offset += to - from;
  }
  const text = JSON.stringify(entries);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  const target = new URL(`qkv/layer-${layer}.safetensors`, import.meta.url);
  writeFileSync(target, Buffer.concat([length, padded, ...chunks]));
  console.log(`qkv/layer-${layer}.safetensors  ${8 + padded.length + offset} bytes`);
}
