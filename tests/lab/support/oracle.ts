/**
 * The dropped mass of one head, from the committed file and the definition: plain loops in double, nothing shared with
 * the library or with the lab's own reader.
 */
import { readFileSync } from "node:fs";

const sizes = { n: 2048, heads: 8, kvHeads: 4, d: 64 };

/** Mean over the rows of the attention outside the k largest entries. */
export function meanDropped(layer: number, head: number, k: number): number {
  const { n, heads, kvHeads, d } = sizes;
  const file = readFileSync(new URL(`../../../web/lab/assets/qkv/layer-${layer}.safetensors`, import.meta.url));
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString()) as Record<string, { data_offsets: number[] }>;
  const at = (name: string, index: number): number =>
    half(file.readUInt16LE(8 + headerBytes + header[name]!.data_offsets[0]! + 2 * index));
  const row = (name: string, position: number, count: number, which: number): number[] =>
    Array.from({ length: d }, (_, c) => at(name, (position * count + which) * d + c));

  const keys = Array.from({ length: n }, (_, j) => row("k", j, kvHeads, Math.floor((head * kvHeads) / heads)));
  let sum = 0;
  for (let i = 0; i < n; ++i) {
    const query = row("q", i, heads, head);
    const scores = keys.slice(0, i + 1).map((key) => key.reduce((dot, value, c) => dot + value * query[c]!, 0) / 8);
    scores.sort((a, b) => b - a);
    const weights = scores.map((score) => Math.exp(score - scores[0]!));
    const total = weights.reduce((a, b) => a + b, 0);
    sum += weights.slice(k).reduce((a, b) => a + b, 0) / total;
  }
  return sum / n;
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent === 0 ? sign * 2 ** -14 * (fraction / 1024) : sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}
