/**
 * Loading in a worker that brings the loaders of its one variant along; the page posts the modules themselves.
 */
import { HeedError } from "../errors.js";
import type { Platform } from "../runtime/platform.js";
import type { RawFactory } from "../runtime/raw-module.js";
import { inlineRefusal, withoutModels, type PackedName } from "./inline-refusal.js";
import { webPlace } from "./web-place.js";
import core from "./glue/heed.mjs";
import study from "./glue/heed-study.mjs";

const factories: Record<PackedName, RawFactory> = { core, study };

export const inlinePlatform: Platform = {
  ...webPlace,
  loader: (module) =>
    module === "model"
      ? Promise.reject(withoutModels())
      : Promise.resolve({ factory: factories[module], script: undefined }),
  tokenizers: () => Promise.reject(withoutModels()),
  open: () => Promise.reject(withoutModels()),
  wasmUrl(module) {
    throw new HeedError("load-failed", `the ${module} module was not posted to the worker of heed/inline`);
  },
  threadsRefusal: () => inlineRefusal,
};
