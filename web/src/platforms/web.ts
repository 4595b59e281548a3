/**
 * Loading in a window or a worker of a browser.
 *
 * Every path is a literal beside `import.meta.url`: bundlers follow nothing else.
 */
import { HeedError, reasonOf } from "../errors.js";
import type { Files, Platform, ReadOptions } from "../runtime/platform.js";
import type { RawFactory } from "../runtime/raw-module.js";
import { openInBrowser } from "./open-web.js";
import { fromAnotherOrigin } from "./origin.js";

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

/** Reports how much of a body has come; the bytes are the same as `arrayBuffer()` gives. */
async function readBody(response: Response, { onProgress }: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
  if (!onProgress || !response.body) return new Uint8Array(await response.arrayBuffer());
  // With a content encoding the length counts other bytes than those that arrive.
  const length = response.headers.has("content-encoding") ? 0 : Number(response.headers.get("content-length") ?? 0);
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let loaded = 0;
  const reader = response.body.getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) {
    parts.push(part.value);
    loaded += part.value.length;
    onProgress({ phase: "download", loaded, total: Math.max(length, length === 0 ? 0 : loaded) });
  }
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}

async function read(url: URL, options: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const response = await fetch(url, options.signal ? { signal: options.signal } : {});
    if (response.ok) return await readBody(response, options);
    throw new HeedError("load-failed", `${url.href} was answered with status ${response.status}; 200 is needed`);
  } catch (error) {
    if (error instanceof HeedError || options.signal?.aborted) throw error;
    throw new HeedError("load-failed", `${url.href} could not be fetched: ${reasonOf(error)}`, { cause: error });
  }
}

/** `crossOriginThreads`: threads can start although the code comes from another origin (worker/cross-origin.ts). */
export function webPlatform({ crossOriginThreads }: { crossOriginThreads: boolean }): Platform {
  return {
    glue: async (module, variant) => (await glue[module][variant]()).default,
    wasmUrl: (module, variant) => wasm[module][variant](),
    read,
    tokenizers: () => import("./tokenizers.js"),
    open: openInBrowser,
    resolve: (address) => new URL(address, globalThis.location.href),
    hardwareThreads: () => globalThis.navigator.hardwareConcurrency ?? 1,
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
    watchThread(thread, failed) {
      if (!(thread instanceof EventTarget)) return () => undefined;
      const listen = (event: Event) => {
        // The generated code's own listener comes after this one, and would end the worker by throwing the event.
        event.stopImmediatePropagation();
        event.preventDefault();
        failed(event instanceof ErrorEvent && event.message ? event.message : "a thread's worker was refused");
      };
      thread.addEventListener("error", listen);
      return () => thread.removeEventListener("error", listen);
    },
  };
}
