/**
 * `heed radius`: R and its relatives for every head of a model of the Llama architecture, from its weights.
 *
 * The gain g of the norm before attention is folded into the projections, x^T W y of rows x = g * x' is x'^T diag(g) W
 * diag(g) y', so that rows have mean square 1 and no entry above sqrt(width). With activations the inputs are as
 * attention receives them, gain included, and speak for themselves.
 */
import { parseArgs } from "node:util";

import { create, type Heed, type Radius, type RadiusParameters } from "heed/sync";

import { UsageError, type Command } from "./command.js";
import { headWeights, inputsOf, openModel, type Model } from "./model-heads.js";
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

async function layerRows(heed: Heed, model: Model, layer: number): Promise<Row[]> {
  const { heads, headDim, base, length } = model.config;
  const { gain, inputs } = await inputsOf(model, layer);
  const rows: Row[] = [];
  for (let head = 0; head < heads; ++head) {
    const parameters: RadiusParameters = {
      ...(await headWeights(model, layer, head, gain)),
      headDim,
      rope: { base, length },
      ...(inputs ? { inputs } : {}),
    };
    rows.push(rowOf(layer, head, headDim, heed.theory.radius(parameters)));
  }
  return rows;
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
    const { model, layers } = await openModel(options.path, options);
    if (options.length !== undefined) model.config.length = options.length;

    const heed = await create({ threads: 1 });
    const rows: Row[] = [];
    for (const [i, layer] of layers.entries()) {
      rows.push(...(await layerRows(heed, model, layer)));
      if (process.stderr.isTTY) process.stderr.write(`\rlayer ${i + 1} of ${layers.length}`);
    }
    if (process.stderr.isTTY) process.stderr.write("\r\u001b[K");
    heed.dispose();
    process.stdout.write(formatRows(rows, options.format));
  },
};
