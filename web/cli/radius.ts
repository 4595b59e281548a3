/**
 * `heed radius`: R and its relatives for every head of a model of the Llama architecture, from its weights.
 *
 * The gain g of the norm before attention is folded into the projections, x^T W y of rows x = g * x' is x'^T diag(g) W
 * diag(g) y', so that rows have mean square 1 and no entry above sqrt(width). With activations the inputs are as
 * attention receives them, gain included, and speak for themselves.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";

import { create, type Heed, type Radius, type RadiusParameters } from "heed/sync";
import type { Checkpoint, Safetensors } from "heed/safetensors";
import { openSingle } from "heed/safetensors";

import { CommandError, UsageError, type Command } from "./command.js";
import { exists, fileSource, openCheckpoint, readJson } from "./files.js";
import { formatRows, formats, type Format, type Row } from "./table.js";

const usage = `usage: heed radius PATH [--config FILE] [--activations FILE] [--length N] [--format table|csv|json]

How large the logits of each attention head can be, and how they are distributed. PATH is a .safetensors file of the
Llama architecture, a model.safetensors.index.json, or the folder of a model. With W = W_Q W_K^T of a head, all with
scale = 1 / sqrt(head size):

  R             scale B^2 ||W||_F; B bounds the inputs: sqrt(width), which no norm's output exceeds, or the largest
                activation
  R_rms         scale v ||W||_F, v the mean square of the inputs: the standard deviation of a logit
  R_rope        the same with rotary positions, averaged over the offsets below --length
  R_prime       scale B^2 sqrt(width) ||W||_2: what a bound on all logits needs
  H             the horizon, scale ||L^T W L||_2 with L L^T the second moments of the inputs
  trace         tr W; scale v tr W is the mean logit of a token with itself, positions aside
  stable_rank   ||W||_F^2 / ||W||_2^2
  localization  tr(W)^2 / (r tr W^2), r the head size: 1 when all eigenvalues are equal
  sigma         with activations: measured standard deviation of the logits, positions aside

  --config FILE       the model's config.json; default: beside the weights
  --activations FILE  a .safetensors file with the outputs of the norms before attention, as
                      model.layers.N.input_layernorm, (..., tokens, width)
  --length N          tokens; default: max_position_embeddings of the config
  --format FORMAT     default: table`;

/** What of a config.json decides the shapes. */
interface Config {
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

interface Model {
  heed: Heed;
  checkpoint: Checkpoint;
  config: Config;
  activations: Checkpoint | undefined;
}

/** What the layer's attention receives, (tokens, width), or the gain to fold in instead. */
async function inputsOf({ checkpoint, config, activations }: Model, layer: number) {
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

function rowOf(layer: number, head: number, headDim: number, radius: Radius): Row {
  const row = {
    layer,
    head,
    R: radius.radius,
    R_rms: radius.rmsRadius,
    R_rope: (radius.meanSquare * radius.ropeNorm) / Math.sqrt(headDim),
    R_prime: radius.rigorousRadius,
    H: radius.horizon,
    trace: radius.trace,
    stable_rank: radius.stableRank,
    localization: radius.localization,
  };
  return Number.isNaN(radius.sigma) ? row : { ...row, sigma: radius.sigma };
}

async function layerRows(model: Model, layer: number): Promise<Row[]> {
  const { heed, checkpoint, config } = model;
  const { heads, kvHeads, headDim, width, base, length } = config;
  const { gain, inputs } = await inputsOf(model, layer);
  const weights = async (which: "q" | "k", head: number, of: number) => {
    const name = `model.layers.${layer}.self_attn.${which}_proj.weight`;
    const rows = await rowsOf(
      await checkpoint.file(name),
      name,
      [of * headDim, width],
      head * headDim,
      (head + 1) * headDim,
    );
    return gain ? fold(rows, gain) : rows;
  };
  const rows: Row[] = [];
  for (let head = 0; head < heads; ++head) {
    const parameters: RadiusParameters = {
      queryWeights: await weights("q", head, heads),
      keyWeights: await weights("k", Math.floor((head * kvHeads) / heads), kvHeads),
      headDim,
      rope: { base, length },
      ...(inputs ? { inputs } : {}),
    };
    rows.push(rowOf(layer, head, headDim, heed.theory.radius(parameters)));
  }
  return rows;
}

/** What the formulas leave out, said once. */
function warnings(names: readonly string[]): string[] {
  const has = (end: string) => names.some((name) => name.endsWith(end));
  return [
    ...(has("self_attn.q_proj.bias") ? ["the projections have biases, which are left out"] : []),
    ...(has("self_attn.q_norm.weight") ? ["queries and keys are normalized per head, which is left out"] : []),
  ];
}

function parse(args: string[]) {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: {
      config: { type: "string" },
      activations: { type: "string" },
      length: { type: "string" },
      format: { type: "string", default: "table" },
    },
  });
  const [path, ...others] = positionals;
  if (path === undefined || others.length > 0) throw new UsageError("heed radius takes one path");
  const format = formats.find((one) => one === values.format);
  if (!format) throw new UsageError(`--format is "${values.format}"; one of ${formats.join(", ")} is needed`);
  const length = values.length === undefined ? undefined : Number(values.length);
  if (length !== undefined && !(Number.isSafeInteger(length) && length > 0)) {
    throw new UsageError(`--length is "${values.length}"; an integer greater than 0 is needed`);
  }
  return { ...values, path, length, format: format satisfies Format };
}

/** The subcommand. */
export const radius: Command = {
  summary: "how large the logits of each head of a model can be",
  usage,
  async run(args) {
    const options = parse(args);
    const { checkpoint, folder } = await openCheckpoint(options.path);
    const configFile = options.config ?? join(folder, "config.json");
    if (options.config === undefined && !(await exists(configFile))) {
      throw new CommandError(`there is no config.json beside the weights; name one with --config`);
    }
    const config = await readConfig(configFile);
    if (options.length !== undefined) config.length = options.length;
    const activations = options.activations && (await openSingle(await fileSource(options.activations)));
    const layers = layersOf(checkpoint.names);
    if (layers.length === 0) throw new CommandError(`${options.path} has no model.layers.N.self_attn.q_proj.weight`);
    for (const warning of warnings(checkpoint.names)) process.stderr.write(`heed: ${warning}\n`);

    const heed = await create({ threads: 1 });
    const model: Model = { heed, checkpoint, config, activations: activations || undefined };
    const rows: Row[] = [];
    for (const [i, layer] of layers.entries()) {
      rows.push(...(await layerRows(model, layer)));
      if (process.stderr.isTTY) process.stderr.write(`\rlayer ${i + 1} of ${layers.length}`);
    }
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    heed.dispose();
    process.stdout.write(formatRows(rows, options.format));
  },
};
