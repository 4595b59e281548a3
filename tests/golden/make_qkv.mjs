// Cuts what the tests read from the attention inputs that the lab shows:
//
//   node tests/golden/make_qkv.mjs
//
// From web/lab/assets/qkv/layer-N.safetensors it takes the first 320 tokens of key/value head 1 and of the two query heads
// that read it, 2 and 3. qkv/README.md says where the numbers come from.
import { readFileSync, writeFileSync } from "node:fs";

const tokens = 320;
const dim = 64;
const heads = { q: [2, 3], k: [1], v: [1] };

for (const layer of [0, 3, 6]) {
  const file = readFileSync(new URL(`../../web/lab/assets/qkv/layer-${layer}.safetensors`, import.meta.url));
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString("utf8"));
  const entries = {};
  const chunks = [];
  let offset = 0;
  for (const [part, chosen] of Object.entries(heads)) {
    const { dtype, shape, data_offsets: [from] } = header[part];
    if (dtype !== "F16" || shape[2] !== dim) throw new Error(`layer ${layer}: ${part} is ${dtype} [${shape}]`);
    const bytes = 2 * dim;
    for (let i = 0; i < tokens; ++i) {
      for (const head of chosen) {
        const at = 8 + headerBytes + from + (i * shape[1] + head) * bytes;
        chunks.push(file.subarray(at, at + bytes));
      }
    }
    const size = tokens * chosen.length * bytes;
    entries[part] = { dtype, shape: [tokens, chosen.length, dim], data_offsets: [offset, offset + size] };
    offset += size;
  }
  const text = JSON.stringify(entries);
  const padded = Buffer.from(text.padEnd(Math.ceil(text.length / 8) * 8));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  writeFileSync(new URL(`qkv/layer-${layer}.safetensors`, import.meta.url), Buffer.concat([length, padded, ...chunks]));
}
