// Takes what a head's R depends on, q_proj, k_proj and the norm before them, of a few layers out of a model's file, so
// that the notebook "R of a model" has an example that is small enough to come with the page:
//
//   node web/lab/assets/make-heads.mjs model.safetensors 0 3 6
//
// Origin: tiny-llama-16k, see make-qkv.mjs; config.json is the model's own, shortened to what decides the shapes.
import { readFileSync, writeFileSync } from "node:fs";

const [source, ...layers] = process.argv.slice(2);
if (source === undefined || layers.length === 0) throw new Error("usage: node make-heads.mjs FILE.safetensors LAYER...");

const file = readFileSync(source);
const headerBytes = Number(file.readBigUInt64LE(0));
const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString("utf8"));

const parts = ["input_layernorm", "self_attn.q_proj", "self_attn.k_proj"];
const names = layers.flatMap((layer) => parts.map((part) => `model.layers.${layer}.${part}.weight`));
const entries = {};
const chunks = [];
let offset = 0;
for (const name of names) {
  const { dtype, shape, data_offsets: [from, to] } = header[name];
  entries[name] = { dtype, shape, data_offsets: [offset, offset + to - from] };
  chunks.push(file.subarray(8 + headerBytes + from, 8 + headerBytes + to));
  offset += to - from;
}
const text = JSON.stringify(entries);
const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
const length = Buffer.alloc(8);
length.writeBigUInt64LE(BigInt(padded.length));
writeFileSync(new URL("heads/tiny-llama-16k.safetensors", import.meta.url), Buffer.concat([length, padded, ...chunks]));
