/**
 * Rotary positions of a config: the base, and how longer texts than those of the training are squeezed in.
 *
 * Files say it twice, as `rope_theta` beside `rope_scaling` or as `rope_parameters`; where they disagree they are
 * refused.
 */
import { HeedError } from "../errors.js";
import { shown } from "../check/names.js";
import { Fields } from "./fields.js";

/** Positions as the module takes them. */
export type Rope =
  | { readonly kind: "default"; readonly base: number }
  /** Positions divided by `factor`. */
  | { readonly kind: "linear"; readonly base: number; readonly factor: number }
  /** The base grows with the text once it is longer than `originalLength`. */
  | { readonly kind: "dynamic"; readonly base: number; readonly factor: number; readonly originalLength: number }
  /** Low frequencies divided by `factor`, high ones kept, a ramp between. */
  | {
      readonly kind: "llama3";
      readonly base: number;
      readonly factor: number;
      readonly lowFrequency: number;
      readonly highFrequency: number;
      readonly originalLength: number;
    }
  /** The same with a ramp over dimensions, and queries and keys scaled by `attentionFactor`. */
  | {
      readonly kind: "yarn";
      readonly base: number;
      readonly factor: number;
      readonly fast: number;
      readonly slow: number;
      readonly originalLength: number;
      readonly attentionFactor: number;
      /** Ends of the ramp on whole dimensions. */
      readonly truncate: boolean;
    };

const kinds = ["default", "linear", "dynamic", "llama3", "yarn"] as const;

const usualBase = 10000;
const mostLength = 2 ** 24;

function baseOf(fields: Fields, parameters: Fields | undefined): number {
  const [outer, inner] = [fields.get("rope_theta"), parameters?.get("rope_theta")];
  if (outer !== undefined && inner !== undefined && outer !== inner) {
    throw new HeedError(
      "invalid-argument",
      `rope_theta of ${fields.where} is ${shown(outer)}, and that of ${parameters?.where} is ${shown(inner)}; ` +
        "they must agree",
    );
  }
  const from = outer === undefined && parameters ? parameters : fields;
  const base = from.get("rope_theta") ?? usualBase;
  if (typeof base === "number" && base > 1 && Number.isFinite(base)) return base;
  return from.refuse("rope_theta", "a finite number greater than 1");
}

function kindOf(scaling: Fields): (typeof kinds)[number] {
  const [now, before] = [scaling.get("rope_type"), scaling.get("type")];
  const kind = now ?? before ?? "default";
  if (now !== undefined && before !== undefined && now !== before) {
    throw new HeedError(
      "invalid-argument",
      `rope_type of ${scaling.where} is ${shown(now)} and its type is ${shown(before)}; they must agree`,
    );
  }
  const known = kinds.find((one) => one === kind);
  if (known !== undefined) return known;
  throw new HeedError(
    "unsupported",
    `rope_type of ${scaling.where} is ${shown(kind)}; one of ${kinds.join(", ")} is computed`,
  );
}

/** How much attention is sharpened by a factor, as YaRN's authors fitted it. */
const magnitude = (factor: number, scale: number): number => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);

function yarnFactor(scaling: Fields, factor: number): number {
  if (scaling.get("attention_factor") !== undefined) return scaling.positive("attention_factor");
  const [whole, all] = [scaling.get("mscale"), scaling.get("mscale_all_dim")];
  if (whole === undefined || all === undefined) return magnitude(factor, 1);
  return magnitude(factor, scaling.positive("mscale")) / magnitude(factor, scaling.positive("mscale_all_dim"));
}

/** At least 1. */
function factorOf(scaling: Fields): number {
  const factor = scaling.positive("factor");
  return factor >= 1 ? factor : scaling.refuse("factor", "a number of at least 1");
}

/** @throws {HeedError} `invalid-argument`, `unsupported` */
export function ropeOf(fields: Fields, contextLength: number): Rope {
  const [now, before] = ["rope_parameters", "rope_scaling"].map((name) => {
    const value = fields.get(name);
    return value === undefined ? undefined : Fields.of(`${name} of ${fields.where}`, value);
  });
  const scaling = now ?? before;
  const base = baseOf(fields, now);
  if (scaling === undefined) return { kind: "default", base };
  if (now && before && JSON.stringify(now.values) !== JSON.stringify(before.values)) {
    throw new HeedError(
      "invalid-argument",
      `${fields.where} has rope_parameters and also another rope_scaling; one of them is needed`,
    );
  }
  const partial = scaling.get("partial_rotary_factor");
  if (partial !== undefined && partial !== 1) {
    throw new HeedError("unsupported", `partial_rotary_factor of ${scaling.where} is ${shown(partial)}; 1 is computed`);
  }
  const kind = kindOf(scaling);
  if (kind === "default") return { kind, base };
  const factor = factorOf(scaling);
  if (kind === "linear") return { kind, base, factor };
  const originalLength = scaling.count("original_max_position_embeddings", mostLength, contextLength);
  if (kind === "dynamic") return { kind, base, factor, originalLength };
  if (kind === "yarn") {
    const [fast, slow] = [scaling.positive("beta_fast", 32), scaling.positive("beta_slow", 1)];
    if (fast < slow) scaling.refuse("beta_fast", `a number of at least beta_slow, ${slow},`);
    const truncate = scaling.flag("truncate", true);
    return { kind, base, factor, fast, slow, originalLength, attentionFactor: yarnFactor(scaling, factor), truncate };
  }
  const [lowFrequency, highFrequency] = [scaling.positive("low_freq_factor"), scaling.positive("high_freq_factor")];
  if (highFrequency <= lowFrequency) {
    scaling.refuse("high_freq_factor", `a number greater than low_freq_factor, ${lowFrequency},`);
  }
  return { kind, base, factor, lowFrequency, highFrequency, originalLength };
}
