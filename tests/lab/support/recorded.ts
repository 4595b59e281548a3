/** One recorded head from the committed files, for tests in Node; the page has its own loader (it fetches). */
import { readFileSync } from "node:fs";
import { byteSource, openSafetensors } from "heed/safetensors";

export async function readHead(layer: number, head: number) {
  const path = new URL(`../../../web/lab/assets/qkv/layer-${layer}.safetensors`, import.meta.url);
  const file = await openSafetensors(byteSource(path.pathname, readFileSync(path)));
  const [n, heads, headDim] = file.entry("q").shape as readonly [number, number, number];
  const one = async (name: "q" | "k" | "v"): Promise<Float32Array> => {
    const [, count, d] = file.entry(name).shape as readonly [number, number, number];
    const which = Math.floor((head * count) / heads);
    return (await file.numbers(name)).filter((_, i) => Math.floor(i / d) % count === which);
  };
  const [q, k, v] = [await one("q"), await one("k"), await one("v")];
  return { n, q, k, v, shape: { heads: 1, headDim, causal: true as const } };
}
