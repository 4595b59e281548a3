/** Loading in a window or a worker of a browser. */
import type { TokenizersLibrary } from "../model/text.js";
import type { Platform } from "../runtime/platform.js";
import type { RawFactory } from "../runtime/raw-module.js";
import { importCopied } from "./import-copied.js";
import { openInBrowser } from "./open-web.js";
import { fromAnotherOrigin } from "./origin.js";
import { loaderFile, wasmFile, type FileName } from "../runtime/file-names.js";
import { fileUrl as ownFileUrl } from "./web-files.js";
import { webPlace } from "./web-place.js";

/** What a sentence about missing isolation should tell. */
const isolationAdvice =
  "the page is not cross-origin isolated; serve it with Cross-Origin-Opener-Policy: same-origin and " +
  "Cross-Origin-Embedder-Policy: require-corp";

/**
 * `crossOriginThreads`: threads can start although the code comes from another origin (worker/page-thread.ts).
 * `fileUrl`: where the package's files are.
 */
export function webPlatform({
  crossOriginThreads,
  fileUrl = ownFileUrl,
}: {
  crossOriginThreads: boolean;
  fileUrl?: (name: FileName) => URL;
}): Platform {
  return {
    async loader(module, variant) {
      const name = loaderFile(module, variant);
      const script = fileUrl(name);
      return { factory: await importCopied<RawFactory>(script, name), script };
    },
    wasmUrl: (module, variant) => fileUrl(wasmFile(module, variant)),
    ...webPlace,
    tokenizers: () => importCopied<TokenizersLibrary>(fileUrl("tokenizers.mjs"), "tokenizers.mjs"),
    filesAt: (addresses) => webPlatform({ crossOriginThreads, fileUrl: (name) => new URL(addresses[name]) }),
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
