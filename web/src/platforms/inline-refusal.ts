/** What heed/inline does without. */
import { HeedError } from "../errors.js";
import type { ModuleName } from "../runtime/variants.js";

/** Threads start from a file of their own, and every variant would be another module to carry. */
export const inlineRefusal =
  'heed/inline has one thread, in the variant "simd"; import heed instead, where files of the package can be loaded';

/** The modules that it packs. Models are many times as large as what would run them, and come as files anyway. */
export type PackedName = Exclude<ModuleName, "model">;

export function withoutModels(): HeedError {
  return new HeedError("unsupported", "heed/inline runs no models; import heed instead, whose files can be loaded");
}
