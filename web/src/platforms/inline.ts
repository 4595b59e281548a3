/**
 * Loading in a worker that brings the loaders of one variant along; the page posts the modules themselves. The build
 * puts the variant into the names below.
 */
import { HeedError } from "../errors.js";
import type { Platform } from "../runtime/platform.js";
import type { RawFactory } from "../runtime/raw-module.js";
import { inlineRefusal, withoutModels, type PackedName } from "./inline-refusal.js";
import { webPlace } from "./web-place.js";
import core from "./glue/heed-VARIANT.mjs";
import study from "./glue/heed-study-VARIANT.mjs";

const loaders: Record<PackedName, RawFactory> = { core, study };

export const inlinePlatform: Platform = {
  ...webPlace,
  glue: (module) => (module === "model" ? Promise.reject(withoutModels()) : Promise.resolve(loaders[module])),
  tokenizers: () => Promise.reject(withoutModels()),
  open: () => Promise.reject(withoutModels()),
  wasmUrl(module) {
    throw new HeedError("load-failed", `the ${module} module was not posted to the worker of heed/inline`);
  },
  threadsRefusal: () => inlineRefusal,
};
