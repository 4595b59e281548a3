/** Loading in a worker that brings the loaders of one variant along; the page posts the modules themselves. */
import { HeedError } from "../errors.js";
import type { Platform } from "../runtime/platform.js";
import type { RawFactory } from "../runtime/raw-module.js";
import type { ModuleName } from "../runtime/variants.js";
import { inlineRefusal } from "./inline-refusal.js";
import { webPlace } from "./web-place.js";

export function inlinePlatform(loaders: Record<ModuleName, RawFactory>): Platform {
  return {
    ...webPlace,
    glue: (module) => Promise.resolve(loaders[module]),
    wasmUrl(module) {
      throw new HeedError("load-failed", `the ${module} module was not posted to the worker of heed/inline`);
    },
    threadsRefusal: () => inlineRefusal,
  };
}
