/** The recorded heads and the example model from their files, for programs that run in Node; pages fetch them. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { byteSource, openSafetensors, openSingle } from "heed/safetensors";
import type { HeadInput } from "../experiments/head-input.js";
import type { HeadsOfModel } from "../experiments/model-heads.js";
import { describeModel } from "../framework/model-shape.js";

const bytes = (path: string) => readFileSync(fileURLToPath(new URL(path, import.meta.url)));

export async function readHead(layer: number, head: number): Promise<HeadInput> {
  const file = await openSafetensors(byteSource(`layer ${layer}`, bytes(`qkv/layer-${layer}.safetensors`)));
  const [n, heads, headDim] = file.entry("q").shape as readonly [number, number, number];
  const one = async (name: "q" | "k" | "v"): Promise<Float32Array> => {
    const [, count, d] = file.entry(name).shape as readonly [number, number, number];
    const which = Math.floor((head * count) / heads);
    return (await file.numbers(name)).filter((_, i) => Math.floor(i / d) % count === which);
  };
  const [q, k, v] = [await one("q"), await one("k"), await one("v")];
  return { n, q, k, v, shape: { heads: 1, headDim, causal: true } };
}

export async function readModel(): Promise<HeadsOfModel> {
  const checkpoint = await openSingle(byteSource("heads.safetensors", bytes("heads/tiny-llama-16k.safetensors")));
  return describeModel("tiny-llama-16k", checkpoint, JSON.parse(bytes("heads/config.json").toString()), {});
}
