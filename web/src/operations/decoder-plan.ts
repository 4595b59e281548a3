/** What a decoder is created from, and how its weights will be kept. */
import type { DecoderType } from "../decoder-options.js";
import type { DecoderConfig } from "../model/config.js";
import type { WeightType } from "../model/weight-files.js";
import { rawWeightTypes } from "../runtime/raw-model.js";

/** What a decoder is created from. */
export interface DecoderPlan {
  config: DecoderConfig;
  /** Indices into `rawWeightTypes`. */
  storage: Storage;
  /** Index into `rawCacheTypes`. */
  cacheType: number;
  capacity: number;
  parameters: number;
}

/** How each kind of weights is kept, as indices into `rawWeightTypes`. */
export interface Storage {
  matrices: number;
  embedding: number;
  head: number;
}

/** The module's names of the types that files have. */
export const rawTypes: Record<WeightType, (typeof rawWeightTypes)[number]> = {
  F32: "f32",
  F16: "f16",
  BF16: "bf16",
  I8: "int8",
};

/** Types by role as a caller wants them, or as the files have them. */
export function storageOf(
  wanted: DecoderType | undefined,
  found: { matrix: WeightType; embedding: WeightType; head: WeightType },
): Storage {
  const at = (type: DecoderType) => rawWeightTypes.indexOf(type);
  if (wanted === undefined) {
    const kept = (type: WeightType) => at(rawTypes[type]);
    return { matrices: kept(found.matrix), embedding: kept(found.embedding), head: kept(found.head) };
  }
  // Half bytes are too coarse for the rows that words are told apart by.
  const words = at(wanted === "int4" ? "int8" : wanted);
  return { matrices: at(wanted), embedding: words, head: words };
}
