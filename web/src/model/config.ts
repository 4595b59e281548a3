/**
 * A model's config.json: what of it decides the computation, checked.
 *
 * The file is somebody else's. A field that would change what is computed and that is not computed here is refused by
 * name: a model that is read in part answers fluently and wrongly.
 */
import { HeedError } from "../errors.js";
import { shown } from "../check/names.js";
import { Fields } from "./fields.js";
import { ropeOf, type Rope } from "./rope.js";

/** How a family differs where its config says nothing. */
interface Family {
  architecture: string;
  /** Biases of the query, key and value projections. */
  attentionBias: boolean;
  /** Queries and keys are normalized per head. */
  queryKeyNorm: boolean;
  /** Where the config names none. */
  contextLength: number;
  epsilon: number;
}

const families: Readonly<Record<string, Family>> = {
  llama: {
    ...{ architecture: "LlamaForCausalLM", attentionBias: false, queryKeyNorm: false },
    ...{ contextLength: 2048, epsilon: 1e-6 },
  },
  mistral: {
    ...{ architecture: "MistralForCausalLM", attentionBias: false, queryKeyNorm: false },
    ...{ contextLength: 131072, epsilon: 1e-6 },
  },
  qwen2: {
    ...{ architecture: "Qwen2ForCausalLM", attentionBias: true, queryKeyNorm: false },
    ...{ contextLength: 32768, epsilon: 1e-6 },
  },
  qwen3: {
    ...{ architecture: "Qwen3ForCausalLM", attentionBias: false, queryKeyNorm: true },
    ...{ contextLength: 32768, epsilon: 1e-6 },
  },
};

/** What a decoder of the Llama architecture is made of. */
export interface DecoderConfig {
  /** `model_type` of the file. */
  readonly family: string;
  /** `num_hidden_layers` */
  readonly layers: number;
  /** `hidden_size` */
  readonly width: number;
  /** `intermediate_size` */
  readonly innerWidth: number;
  /** `num_attention_heads` */
  readonly heads: number;
  /** `num_key_value_heads` */
  readonly kvHeads: number;
  readonly headDim: number;
  /** `vocab_size` */
  readonly vocabulary: number;
  /** `rms_norm_eps` */
  readonly epsilon: number;
  readonly rope: Rope;
  /** `tie_word_embeddings`: the embeddings are the output's weights too. */
  readonly tied: boolean;
  /** Biases of the query, key and value projections. */
  readonly attentionBias: boolean;
  /** A bias of the output projection. */
  readonly outputBias: boolean;
  /** `mlp_bias`: biases of the three projections of the feed-forward part. */
  readonly innerBias: boolean;
  /** Queries and keys are normalized per head, with a gain each. */
  readonly queryKeyNorm: boolean;
  /** `max_position_embeddings`: what it was trained for; longer texts are possible. */
  readonly contextLength: number;
  /** Stands before every text. */
  readonly bos: number | undefined;
  /** End a text; any of them. */
  readonly eos: readonly number[];
}

/** No model has more; a file that claims more lies. In numbers of the field. */
const most = {
  num_hidden_layers: 1024,
  hidden_size: 2 ** 17,
  intermediate_size: 2 ** 20,
  num_attention_heads: 1024,
  num_key_value_heads: 1024,
  head_dim: 1024,
  vocab_size: 2 ** 21,
  max_position_embeddings: 2 ** 24,
} as const;

/** Fields that would change what is computed, and the values with which they do not. */
const inert: Readonly<Record<string, readonly unknown[]>> = {
  use_sliding_window: [false],
  partial_rotary_factor: [1],
  attn_logit_softcapping: [],
  final_logit_softcapping: [],
  embedding_multiplier: [1],
  attention_multiplier: [],
  residual_multiplier: [1],
  logits_scaling: [1],
  query_pre_attn_scalar: [],
  no_rope_layers: [],
  num_experts: [0],
  num_local_experts: [0],
  quantization_config: [],
};

function unsupported(message: string): never {
  throw new HeedError("unsupported", message);
}

function familyOf(fields: Fields): { name: string; family: Family } {
  const name = fields.get("model_type");
  const known = Object.keys(families).join(", ");
  if (typeof name !== "string") return fields.refuse("model_type", `one of ${known}`);
  const family = Object.hasOwn(families, name) ? families[name] : undefined;
  if (family === undefined) unsupported(`model_type of ${fields.where} is ${shown(name)}; one of ${known} is computed`);
  const architectures = fields.get("architectures");
  if (architectures !== undefined && !(Array.isArray(architectures) && architectures.includes(family.architecture))) {
    unsupported(
      `architectures of ${fields.where} is ${JSON.stringify(architectures)?.slice(0, 200)}; with model_type ` +
        `${shown(name)} it must have ${family.architecture}`,
    );
  }
  return { name, family };
}

function checkInert(fields: Fields): void {
  for (const [name, values] of Object.entries(inert)) {
    const value = fields.get(name);
    if (value === undefined || values.includes(value)) continue;
    unsupported(
      `${name} of ${fields.where} is ${JSON.stringify(value)?.slice(0, 200)}; that is not computed here, ` +
        `${["missing", "null", ...values.map(String)].join(" or ")} is`,
    );
  }
  const act = fields.get("hidden_act") ?? "silu";
  if (act !== "silu" && act !== "swish") {
    unsupported(`hidden_act of ${fields.where} is ${shown(act)}; "silu" is computed`);
  }
  const kinds = fields.get("layer_types");
  if (kinds !== undefined && !(Array.isArray(kinds) && kinds.every((kind) => kind === "full_attention"))) {
    unsupported(`layer_types of ${fields.where} names others than "full_attention", which alone is computed`);
  }
}

/** A window as wide as the context hides nothing. */
function checkSlidingWindow(fields: Fields, contextLength: number): void {
  const window = fields.get("sliding_window");
  // Qwen's files name a window and say beside it that it is not used.
  if (window === undefined || fields.get("use_sliding_window") === false) return;
  if (typeof window === "number" && window >= contextLength) return;
  unsupported(
    `sliding_window of ${fields.where} is ${shown(window)}, with max_position_embeddings ${contextLength}; layers ` +
      "that never see the whole context are not computed here",
  );
}

function tokenId(fields: Fields, name: string, value: unknown, vocabulary: number): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= 0 && value < vocabulary) return value;
  return fields.refuse(name, `an integer from 0 to vocab_size - 1 = ${vocabulary - 1}`);
}

function endTokens(fields: Fields, vocabulary: number): number[] {
  const value = fields.get("eos_token_id");
  if (value === undefined) return [];
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (all.length > 64) return fields.refuse("eos_token_id", "a number, or at most 64 of them,");
  return all.map((one) => tokenId(fields, "eos_token_id", one, vocabulary));
}

function headShape(fields: Fields, width: number) {
  const heads = fields.count("num_attention_heads", most.num_attention_heads);
  const kvHeads = fields.count("num_key_value_heads", most.num_key_value_heads, heads);
  if (heads % kvHeads !== 0) {
    throw new HeedError(
      "invalid-argument",
      `num_attention_heads of ${fields.where} is ${heads} and num_key_value_heads is ${kvHeads}; a multiple is needed`,
    );
  }
  const headDim = fields.count("head_dim", most.head_dim, width / heads);
  if (headDim % 2 !== 0) fields.refuse("head_dim", "an even number, whose halves positions turn,");
  return { heads, kvHeads, headDim };
}

/**
 * `where` stands in messages.
 *
 * @throws {HeedError} `invalid-argument` for what is missing or illegal, `unsupported` for what is not computed here
 */
export function readConfig(where: string, value: unknown): DecoderConfig {
  const fields = Fields.of(where, value);
  const { name, family } = familyOf(fields);
  checkInert(fields);
  const width = fields.count("hidden_size", most.hidden_size);
  const vocabulary = fields.count("vocab_size", most.vocab_size);
  const shape = headShape(fields, width);
  const contextLength = fields.count("max_position_embeddings", most.max_position_embeddings, family.contextLength);
  checkSlidingWindow(fields, contextLength);
  const attentionBias = fields.flag("attention_bias", family.attentionBias);
  const bos = fields.get("bos_token_id");
  return {
    family: name,
    layers: fields.count("num_hidden_layers", most.num_hidden_layers),
    width,
    innerWidth: fields.count("intermediate_size", most.intermediate_size),
    ...shape,
    vocabulary,
    epsilon: fields.positive("rms_norm_eps", family.epsilon),
    rope: ropeOf(fields, contextLength),
    tied: fields.flag("tie_word_embeddings", false),
    attentionBias,
    // Qwen 2 has none beside its other three.
    outputBias: attentionBias && name !== "qwen2",
    innerBias: fields.flag("mlp_bias", false),
    queryKeyNorm: family.queryKeyNorm,
    contextLength,
    bos: bos === undefined ? undefined : tokenId(fields, "bos_token_id", bos, vocabulary),
    eos: endTokens(fields, vocabulary),
  };
}
