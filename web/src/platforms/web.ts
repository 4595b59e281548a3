/**
 * Loading in a window or a worker of a browser.
 *
 * Every path is a literal beside `import.meta.url`: bundlers follow nothing else.
 */
import type { Files, Platform } from "../runtime/platform.js";
import type { RawFactory } from "../runtime/raw-module.js";
import { openInBrowser } from "./open-web.js";
import { fromAnotherOrigin } from "./origin.js";
import { webPlace } from "./web-place.js";

const glue: Files<Promise<{ default: RawFactory }>> = {
  core: {
    simd: () => import("./glue/heed-simd.mjs"),
    relaxed: () => import("./glue/heed-relaxed.mjs"),
    threads: () => import("./glue/heed-threads.mjs"),
    "relaxed-threads": () => import("./glue/heed-relaxed-threads.mjs"),
  },
  study: {
    simd: () => import("./glue/heed-study-simd.mjs"),
    relaxed: () => import("./glue/heed-study-relaxed.mjs"),
    threads: () => import("./glue/heed-study-threads.mjs"),
    "relaxed-threads": () => import("./glue/heed-study-relaxed-threads.mjs"),
  },
  model: {
    simd: () => import("./glue/heed-model-simd.mjs"),
    relaxed: () => import("./glue/heed-model-relaxed.mjs"),
    threads: () => import("./glue/heed-model-threads.mjs"),
    "relaxed-threads": () => import("./glue/heed-model-relaxed-threads.mjs"),
  },
};

const wasm: Files<URL> = {
  core: {
    simd: () => new URL("./glue/heed-simd.wasm", import.meta.url),
    relaxed: () => new URL("./glue/heed-relaxed.wasm", import.meta.url),
    threads: () => new URL("./glue/heed-threads.wasm", import.meta.url),
    "relaxed-threads": () => new URL("./glue/heed-relaxed-threads.wasm", import.meta.url),
  },
  study: {
    simd: () => new URL("./glue/heed-study-simd.wasm", import.meta.url),
    relaxed: () => new URL("./glue/heed-study-relaxed.wasm", import.meta.url),
    threads: () => new URL("./glue/heed-study-threads.wasm", import.meta.url),
    "relaxed-threads": () => new URL("./glue/heed-study-relaxed-threads.wasm", import.meta.url),
  },
  model: {
    simd: () => new URL("./glue/heed-model-simd.wasm", import.meta.url),
    relaxed: () => new URL("./glue/heed-model-relaxed.wasm", import.meta.url),
    threads: () => new URL("./glue/heed-model-threads.wasm", import.meta.url),
    "relaxed-threads": () => new URL("./glue/heed-model-relaxed-threads.wasm", import.meta.url),
  },
};

/** What a sentence about missing isolation should tell. */
const isolationAdvice =
  "the page is not cross-origin isolated; serve it with Cross-Origin-Opener-Policy: same-origin and " +
  "Cross-Origin-Embedder-Policy: require-corp";

/** `crossOriginThreads`: threads can start although the code comes from another origin (worker/cross-origin.ts). */
export function webPlatform({ crossOriginThreads }: { crossOriginThreads: boolean }): Platform {
  return {
    glue: async (module, variant) => (await glue[module][variant]()).default,
    wasmUrl: (module, variant) => wasm[module][variant](),
    ...webPlace,
    tokenizers: () => import("./tokenizers.js"),
    open: openInBrowser,
    threadsRefusal() {
      if (typeof Window !== "undefined" && globalThis instanceof Window) {
        return "a window must not block, which threads would need; import heed instead of heed/sync, or use a worker";
      }
      if (!globalThis.crossOriginIsolated) return isolationAdvice;
      if (typeof SharedArrayBuffer === "undefined") return "this browser has no SharedArrayBuffer";
      if (typeof Worker === "undefined") return "this worker cannot start workers of its own";
      if (!crossOriginThreads && fromAnotherOrigin(import.meta.url)) {
        return "the package's code comes from another origin, from which threads cannot start";
      }
      return undefined;
    },
  };
}
