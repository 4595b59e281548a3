/**
 * `heed/inline`: heed without files of its own beside the code, for bundlers that copy none and pages without a server.
 *
 * The worker is started from a text, the modules are unpacked from texts: nothing is fetched. It needs `blob:` in the
 * worker-src of a content security policy, and has one variant, "simd", which runs everywhere: whoever packs a page
 * into one file would carry the others too.
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

/** Loaded when they are needed, where a bundler keeps dynamic imports apart. */
const packed: Packed = {
  core: () => import("./inline/core.packed.js"),
  study: async () => (await import("./inline/study.packed.js")).wasm,
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
  // What is not packed is not there.
  const features = { ...probeFeatures(), relaxedSimd: false };
  const { variant } = choose(features, inlineRefusal, navigator.hardwareConcurrency ?? 1, options);
  // Threads were asked for of a variant that was chosen here: that is no mistake of the caller's.
  const { threads: _, ...others } = options;
  return createAsync(await inlineStarter(packed), { ...others, variant });
}
