/** One recorded head from the committed files, for tests in Node; the page has its own loader (it fetches). */
import { readFileSync } from "node:fs";
import { readHalfTensors, widenHalf } from "../../../web/lab/framework/safetensors.js";

export function readHead(layer: number, head: number) {
  const file = new URL(`../../../web/lab/assets/qkv/layer-${layer}.safetensors`, import.meta.url);
  const tensors = readHalfTensors(new Uint8Array(readFileSync(file)).buffer);
  const heads = tensors.get("q")!.shape[1]!;
  const one = (name: "q" | "k" | "v"): Float32Array => {
    const { shape, bits } = tensors.get(name)!;
    const [n, count, d] = shape as [number, number, number];
    const which = Math.floor((head * count) / heads);
    return widenHalf(bits).filter((_, i) => Math.floor(i / d) % count === which && i < n * count * d);
  };
  const [n, , headDim] = tensors.get("q")!.shape as [number, number, number];
  return { n, q: one("q"), k: one("k"), v: one("v"), shape: { heads: 1, headDim, causal: true as const } };
}
