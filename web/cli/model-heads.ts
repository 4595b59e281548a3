/** Attention heads of a model of the Llama architecture, head by head: what `radius` and `sweep E10` read. */
import { join } from "node:path";

import type { Checkpoint, Safetensors } from "heed/safetensors";
import { openSingle } from "heed/safetensors";

import { CommandError } from "./command.js";
import { exists, fileSource, openCheckpoint, readJson } from "./files.js";

/** What of a config.json decides the shapes. */
export interface Config {
  heads: number;
  kvHeads: number;
  headDim: number;
  width: number;
  base: number;
  length: number;
}

function count(file: string, config: Record<string, unknown>, name: string, missing?: number): number {
  const value = config[name] ?? missing;
  if (typeof value === "number" && Number.isSafeInteger(value) && value > 0) return value;
  throw new CommandError(`${name} of ${file} is ${JSON.stringify(value)}; an integer greater than 0 is needed`);
}

async function readConfig(file: string): Promise<Config> {
  const config = Object(await readJson(file)) as Record<string, unknown>;
  const heads = count(file, config, "num_attention_heads");
  const width = count(file, config, "hidden_size");
  const kvHeads = count(file, config, "num_key_value_heads", heads);
  if (heads % kvHeads !== 0) {
    throw new CommandError(`${file} has ${heads} heads and ${kvHeads} key/value heads; a multiple is needed`);
  }
  const { rope_theta: theta, rope_parameters: parameters } = config;
  const base = theta ?? (Object(parameters) as Record<string, unknown>)["rope_theta"] ?? 10000;
  if (typeof base !== "number" || !(base > 1)) {
    throw new CommandError(`rope_theta of ${file} is ${JSON.stringify(base)}; a number greater than 1 is needed`);
  }
  return {
    ...{ heads, kvHeads, width, base },
    headDim: count(file, config, "head_dim", width / heads),
    length: count(file, config, "max_position_embeddings", 4096),
  };
}

/** Rows `first` to before `end` of a (rows, width) tensor. */
async function rowsOf(file: Safetensors, name: string, shape: [number, number], first: number, end: number) {
  const found = file.entry(name).shape;
  if (found.length === 2 && found[0] === shape[0] && found[1] === shape[1]) return file.numbers(name, first, end);
  throw new CommandError(`${name} has the shape [${found.join(", ")}]; the config says [${shape.join(", ")}]`);
}

function fold(weights: Float32Array, gain: Float32Array): Float32Array {
  return weights.map((weight, i) => weight * (gain[i % gain.length] as number));
}

/** The layers that there are, in order. */
function layersOf(names: readonly string[]): number[] {
  const found = names.flatMap((name) => /^model\.layers\.(\d{1,6})\.self_attn\.q_proj\.weight$/.exec(name)?.[1] ?? []);
  return found.map(Number).sort((a, b) => a - b);
}

export interface Model {
  checkpoint: Checkpoint;
  config: Config;
  activations: Checkpoint | undefined;
}

/** What the layer's attention receives, (tokens, width), or the gain to fold in instead. */
export async function inputsOf({ checkpoint, config, activations }: Model, layer: number) {
  const { width } = config;
  if (!activations) {
    const name = `model.layers.${layer}.input_layernorm.weight`;
    const gain = await (await checkpoint.file(name)).numbers(name);
    if (gain.length === width) return { gain };
    throw new CommandError(`${name} has ${gain.length} numbers; the config says ${width}`);
  }
  const name = `model.layers.${layer}.input_layernorm`;
  const file = await activations.file(name);
  const { shape } = file.entry(name);
  if (shape.at(-1) === width) return { inputs: await file.numbers(name) };
  throw new CommandError(
    `${name} of the activations has the shape [${shape.join(", ")}]; (..., tokens, ${width}) is needed`,
  );
}

/** W_Q (head_dim, width) of a head and W_K of the key/value head that it reads, the gain folded in. */
export async function headWeights(model: Model, layer: number, head: number, gain: Float32Array | undefined) {
  const { checkpoint, config } = model;
  const { heads, kvHeads, headDim, width } = config;
  const weights = async (which: "q" | "k", number: number, of: number) => {
    const name = `model.layers.${layer}.self_attn.${which}_proj.weight`;
    const shape: [number, number] = [of * headDim, width];
    const file = await checkpoint.file(name);
    const rows = await rowsOf(file, name, shape, number * headDim, (number + 1) * headDim);
    return gain ? fold(rows, gain) : rows;
  };
  return {
    queryWeights: await weights("q", head, heads),
    keyWeights: await weights("k", Math.floor((head * kvHeads) / heads), kvHeads),
  };
}

/** What the formulas leave out, said once. */
function warnings(names: readonly string[]): string[] {
  const has = (end: string) => names.some((name) => name.endsWith(end));
  return [
    ...(has("self_attn.q_proj.bias") ? ["the projections have biases, which are left out"] : []),
    ...(has("self_attn.q_norm.weight") ? ["queries and keys are normalized per head, which is left out"] : []),
  ];
}

/** Opens a model; says on stderr what the formulas leave out. @throws {CommandError} */
export async function openModel(
  path: string,
  options: { config?: string | undefined; activations?: string | undefined },
): Promise<{ model: Model; layers: number[] }> {
  const { checkpoint, folder } = await openCheckpoint(path);
  const configFile = options.config ?? join(folder, "config.json");
  if (options.config === undefined && !(await exists(configFile))) {
    throw new CommandError(`there is no config.json beside the weights; name one with --config`);
  }
  const config = await readConfig(configFile);
  const activations =
    options.activations === undefined ? undefined : await openSingle(await fileSource(options.activations));
  const layers = layersOf(checkpoint.names);
  if (layers.length === 0) throw new CommandError(`${path} has no model.layers.N.self_attn.q_proj.weight`);
  for (const warning of warnings(checkpoint.names)) process.stderr.write(`heed: ${warning}\n`);
  return { model: { checkpoint, config, activations }, layers };
}
