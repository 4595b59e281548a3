/** `heed/sync` in browsers. */
import type { CreateOptions } from "../options.js";
import { webPlatform } from "../platforms/web.js";
import { createSync, type Heed } from "../sync/heed.js";

export * from "../public.js";
export type { DecoderLoader, Heed, Input, Theory } from "../sync/heed.js";
export type { Decoder } from "../sync/decoder.js";
export type { KeyIndex } from "../runtime/key-index.js";
export type { KvCache } from "../sync/kv-cache.js";
export type { Tensor } from "../runtime/tensor.js";

/**
 * Loads the module into this thread.
 *
 * @throws {HeedError} `invalid-argument`, `unsupported`, `load-failed`, `out-of-memory`, or the signal's reason
 */
export function create(options?: CreateOptions): Promise<Heed> {
  return createSync(webPlatform({ crossOriginThreads: false }), options);
}
