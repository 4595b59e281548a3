/** The tensors that a model of a config has, by their names in Hugging Face's files. */
import type { DecoderConfig } from "./config.js";

/** What a tensor is for: it decides how its numbers are stored. */
export type TensorRole = "matrix" | "vector" | "embedding" | "head";

/** [rows, columns] of a matrix; a vector is one row, and has one axis in the file. */
export interface ExpectedTensor {
  readonly rows: number;
  readonly columns: number;
  readonly role: TensorRole;
}

type Listed = [name: string, tensor: ExpectedTensor];

const matrix = (name: string, rows: number, columns: number): Listed => [name, { rows, columns, role: "matrix" }];
const vector = (name: string, columns: number): Listed => [name, { rows: 1, columns, role: "vector" }];

function layerTensors(config: DecoderConfig, layer: number): Listed[] {
  const { width, innerWidth, heads, kvHeads, headDim } = config;
  const [all, shared] = [heads * headDim, kvHeads * headDim];
  const at = `model.layers.${layer}`;
  const projections = [
    { name: `${at}.self_attn.q_proj`, rows: all, columns: width, bias: config.attentionBias },
    { name: `${at}.self_attn.k_proj`, rows: shared, columns: width, bias: config.attentionBias },
    { name: `${at}.self_attn.v_proj`, rows: shared, columns: width, bias: config.attentionBias },
    { name: `${at}.self_attn.o_proj`, rows: width, columns: all, bias: config.outputBias },
    { name: `${at}.mlp.gate_proj`, rows: innerWidth, columns: width, bias: config.innerBias },
    { name: `${at}.mlp.up_proj`, rows: innerWidth, columns: width, bias: config.innerBias },
    { name: `${at}.mlp.down_proj`, rows: width, columns: innerWidth, bias: config.innerBias },
  ];
  return [
    vector(`${at}.input_layernorm.weight`, width),
    ...projections.flatMap(({ name, rows, columns, bias }) => [
      matrix(`${name}.weight`, rows, columns),
      ...(bias ? [vector(`${name}.bias`, rows)] : []),
    ]),
    ...(config.queryKeyNorm
      ? [vector(`${at}.self_attn.q_norm.weight`, headDim), vector(`${at}.self_attn.k_norm.weight`, headDim)]
      : []),
    vector(`${at}.post_attention_layernorm.weight`, width),
  ];
}

/** Every tensor by name. */
export function expectedTensors(config: DecoderConfig): Map<string, ExpectedTensor> {
  const { layers, width, vocabulary, tied } = config;
  const words = { rows: vocabulary, columns: width };
  return new Map<string, ExpectedTensor>([
    ["model.embed_tokens.weight", { ...words, role: "embedding" }],
    ...Array.from({ length: layers }, (_, layer) => layerTensors(config, layer)).flat(),
    vector("model.norm.weight", width),
    ...(tied ? [] : [["lm_head.weight", { ...words, role: "head" }] satisfies Listed]),
  ]);
}

/** Tensors that files of the architecture may have and the computation does not need. */
export function isNeedless(name: string, config: DecoderConfig): boolean {
  // Older files keep the frequencies of the positions, which the config gives; some repeat tied embeddings.
  if (/^model\.layers\.\d+\.self_attn\.rotary_emb\.inv_freq$/.test(name)) return true;
  return config.tied && name === "lm_head.weight";
}
