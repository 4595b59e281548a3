/**
 * The dropped mass of one head, from the committed file and the definition: plain loops in double, nothing shared with
 * the library or with the lab's own reader.
 */
import { readFileSync } from "node:fs";

const sizes = { n: 2048, heads: 8, kvHeads: 4, d: 64 };

/** For each k, the mean over the rows of the attention outside the k largest entries. */
export function meanDropped(layer: number, head: number, ks: readonly number[]): Record<number, number> {
  const { n, heads, kvHeads, d } = sizes;
  const file = readFileSync(new URL(`../../../web/lab/assets/qkv/layer-${layer}.safetensors`, import.meta.url));
  const headerBytes = Number(file.readBigUInt64LE(0));
  const header = JSON.parse(file.subarray(8, 8 + headerBytes).toString()) as Record<string, { data_offsets: number[] }>;
  const start = (name: string): number => 8 + headerBytes + header[name]!.data_offsets[0]!;
  const row = (name: string, position: number, count: number, which: number): Float64Array =>
    Float64Array.from({ length: d }, (_, c) =>
      half(file.readUInt16LE(start(name) + 2 * ((position * count + which) * d + c))),
    );

  const keys = Array.from({ length: n }, (_, j) => row("k", j, kvHeads, Math.floor((head * kvHeads) / heads)));
  const sums = ks.map(() => 0);
  for (let i = 0; i < n; ++i) {
    const query = row("q", i, heads, head);
    const scores = new Float64Array(i + 1);
    for (let j = 0; j <= i; ++j) {
      let dot = 0;
      for (let c = 0; c < d; ++c) dot += keys[j]![c]! * query[c]!;
      scores[j] = dot / 8;
    }
    scores.sort().reverse();
    const weights = scores.map((score) => Math.exp(score - scores[0]!));
    const total = weights.reduce((a, b) => a + b, 0);
    ks.forEach((k, which) => (sums[which]! += weights.subarray(k).reduce((a, b) => a + b, 0) / total));
  }
  return Object.fromEntries(ks.map((k, which) => [k, sums[which]! / n]));
}

function half(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 31;
  const fraction = bits & 1023;
  return exponent === 0 ? sign * 2 ** -14 * (fraction / 1024) : sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}
