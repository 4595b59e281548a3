/**
 * `heed/inline`: heed without files of its own beside the code, for bundlers that copy none and pages without a server.
 *
 * The worker is started from a text, the modules are unpacked from texts: nothing is fetched. It needs `blob:` in the
 * worker-src of a content security policy, and has one thread.
 */
import { createAsync, type Heed } from "../async/heed.js";
import { checkCreateOptions } from "../check/create-options.js";
import type { CreateOptions } from "../options.js";
import { inlineRefusal } from "../platforms/inline-refusal.js";
import { choose } from "../runtime/choose.js";
import { probeFeatures } from "../runtime/features.js";
import { inlineStarter, type Packed } from "../worker/start-inline.js";

export * from "../public.js";
export type { Heed, Keys, Theory } from "../async/heed.js";
export type { KeyIndex } from "../async/key-index.js";
export type { KvCache } from "../async/kv-cache.js";

/** Only the variant that runs here is loaded, where a bundler keeps dynamic imports apart. */
const packed: Readonly<Record<string, Packed>> = {
  simd: {
    core: () => import("./inline/simd.packed.js"),
    study: async () => (await import("./inline/study-simd.packed.js")).wasm,
  },
  relaxed: {
    core: () => import("./inline/relaxed.packed.js"),
    study: async () => (await import("./inline/study-relaxed.packed.js")).wasm,
  },
};

/**
 * Loads the module into a worker of its own. Of the options, `workerUrl` is not used.
 *
 * @throws {HeedError} `invalid-argument`, `unsupported`, `load-failed`, `out-of-memory`, `worker-died`, or the
 * signal's reason
 */
export async function create(options: CreateOptions = {}): Promise<Heed> {
  checkCreateOptions(options);
  options.signal?.throwIfAborted();
  const { variant } = choose(probeFeatures(), inlineRefusal, navigator.hardwareConcurrency ?? 1, options);
  // Variants with threads were refused: what is left is packed.
  return createAsync(await inlineStarter(packed[variant] as Packed), { ...options, variant });
}
