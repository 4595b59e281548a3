/** `heed` in Node. */
import { createAsync, type Heed } from "../async/heed.js";
import type { CreateOptions } from "../options.js";
import { nodeStarter } from "../worker/start-node.js";

export * from "../public.js";
export type { DecoderLoader, Heed, Keys, Theory } from "../async/heed.js";
export type { Decoder } from "../async/decoder.js";
export type { KeyIndex } from "../async/key-index.js";
export type { KvCache } from "../async/kv-cache.js";

/**
 * Loads the module into a worker of its own.
 *
 * @throws {HeedError} `invalid-argument`, `unsupported`, `load-failed`, `out-of-memory`, `worker-died`, or the
 * signal's reason
 */
export function create(options?: CreateOptions): Promise<Heed> {
  return createAsync(nodeStarter, options);
}
