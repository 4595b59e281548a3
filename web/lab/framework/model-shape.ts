/**
 * The projections of a model's attention heads as its file and its config.json describe them: the Llama architecture,
 * whose norm before attention has a gain that is folded in, so that inputs have mean square 1.
 */
import type { Checkpoint } from "heed/safetensors";

/** What of a config.json decides the shapes. */
export interface ModelConfig {
  heads: number;
  kvHeads: number;
  headDim: number;
  width: number;
  /** Of the rotary positions. */
  base: number;
}

export interface HeadWeights {
  /** (headDim, width), the gain of the norm before attention folded in. */
  queryWeights: Float32Array;
  keyWeights: Float32Array;
}

export interface ModelFile {
  name: string;
  config: ModelConfig;
  layers: readonly number[];
  /** What the numbers leave out. */
  warnings: readonly string[];
  head(layer: number, head: number): Promise<HeadWeights>;
}

/** Where no config.json tells: the most common size of a head. */
const usualHeadDim = 64;

export interface OpenOptions {
  /** Used where no config.json says otherwise. Default: 64. */
  headDim?: number;
}

/** @throws when the checkpoint holds no q_proj and k_proj of a layer, or the shapes do not fit */
export async function describeModel(
  name: string,
  checkpoint: Checkpoint,
  config: unknown,
  { headDim = usualHeadDim }: OpenOptions,
): Promise<ModelFile> {
  const layers = checkpoint.names
    .flatMap((tensor) => /^model\.layers\.(\d{1,6})\.self_attn\.q_proj\.weight$/.exec(tensor)?.[1] ?? [])
    .map(Number)
    .sort((a, b) => a - b);
  const [first] = layers;
  if (first === undefined) throw new Error(`${name} has no model.layers.N.self_attn.q_proj.weight`);
  const [queries, width] = await shapeOf(checkpoint, weightOf(first, "q"));
  const [keys] = await shapeOf(checkpoint, weightOf(first, "k"));
  const stated = Object(config) as Record<string, unknown>;
  const size = count(stated["head_dim"]) ?? count(stated["num_attention_heads"], (heads) => queries / heads) ?? headDim;
  if (!Number.isInteger(queries / size) || !Number.isInteger(keys / size)) {
    throw new Error(`q_proj has ${queries} rows and k_proj ${keys}; heads of ${size} do not divide them`);
  }
  const parameters = Object(stated["rope_parameters"]) as Record<string, unknown>;
  const base = count(stated["rope_theta"]) ?? count(parameters["rope_theta"]) ?? 10_000;
  const shape: ModelConfig = { heads: queries / size, kvHeads: keys / size, headDim: size, width, base };
  const has = (end: string): boolean => checkpoint.names.some((tensor) => tensor.endsWith(end));
  return {
    name,
    config: shape,
    layers,
    warnings: [
      ...(config === undefined
        ? [`no config.json was dropped: heads of ${size} and a RoPE base of ${base} are assumed`]
        : []),
      ...(has("self_attn.q_proj.bias") ? ["the projections have biases, which are left out"] : []),
      ...(has("self_attn.q_norm.weight") ? ["queries and keys are normalized per head, which is left out"] : []),
    ],
    async head(layer, head) {
      const gain = await gainOf(checkpoint, layer, width);
      const rows = async (which: "q" | "k", index: number): Promise<Float32Array> => {
        const tensor = weightOf(layer, which);
        const file = await checkpoint.file(tensor);
        const found = await file.numbers(tensor, index * size, (index + 1) * size);
        return found.map((weight, i) => weight * gain[i % width]!);
      };
      return {
        queryWeights: await rows("q", head),
        keyWeights: await rows("k", Math.floor((head * shape.kvHeads) / shape.heads)),
      };
    },
  };
}

const weightOf = (layer: number, which: "q" | "k"): string => `model.layers.${layer}.self_attn.${which}_proj.weight`;

async function shapeOf(checkpoint: Checkpoint, tensor: string): Promise<[number, number]> {
  const { shape } = (await checkpoint.file(tensor)).entry(tensor);
  if (shape.length !== 2) throw new Error(`${tensor} has the shape [${shape.join(", ")}]; two axes are needed`);
  return shape as unknown as [number, number];
}

/** The gain of the norm before attention; ones where the file has none. */
async function gainOf(checkpoint: Checkpoint, layer: number, width: number): Promise<Float32Array> {
  const tensor = `model.layers.${layer}.input_layernorm.weight`;
  if (!checkpoint.names.includes(tensor)) return new Float32Array(width).fill(1);
  return (await checkpoint.file(tensor)).numbers(tensor);
}

function count(value: unknown, change: (value: number) => number = (same) => same): number | undefined {
  return typeof value === "number" && value > 0 && Number.isFinite(value) ? change(value) : undefined;
}
