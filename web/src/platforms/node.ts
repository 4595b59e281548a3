/** Loading in Node (and in the engines that take the `node` condition). Threads need no condition here. */
import { readFile } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { pathToFileURL } from "node:url";

import { HeedError, reasonOf } from "../errors.js";
import { loaderFile, wasmFile, type LoaderName, type WasmName } from "../runtime/file-names.js";
import type { Loader, Platform, ReadOptions } from "../runtime/platform.js";
import type { RawFactory } from "../runtime/raw-module.js";
import { responseBytes } from "../runtime/wasm-option.js";
import { inheritsInputType } from "./input-type.js";
import { openInNode } from "./open-node.js";

async function loaded(imported: Promise<{ default: RawFactory }>, script?: URL): Promise<Loader> {
  return { factory: (await imported).default, script };
}

const loaders: Readonly<Record<LoaderName, () => Promise<Loader>>> = {
  "heed.mjs": () => loaded(import("./glue/heed.node.mjs")),
  "heed-study.mjs": () => loaded(import("./glue/heed-study.node.mjs")),
  "heed-model.mjs": () => loaded(import("./glue/heed-model.node.mjs")),
  "heed-threads.mjs": () =>
    loaded(import("./glue/heed-threads.node.mjs"), new URL("./glue/heed-threads.node.mjs", import.meta.url)),
  "heed-study-threads.mjs": () =>
    loaded(
      import("./glue/heed-study-threads.node.mjs"),
      new URL("./glue/heed-study-threads.node.mjs", import.meta.url),
    ),
  "heed-model-threads.mjs": () =>
    loaded(
      import("./glue/heed-model-threads.node.mjs"),
      new URL("./glue/heed-model-threads.node.mjs", import.meta.url),
    ),
  "heed-threads-64.mjs": () =>
    loaded(import("./glue/heed-threads-64.node.mjs"), new URL("./glue/heed-threads-64.node.mjs", import.meta.url)),
  "heed-model-threads-64.mjs": () =>
    loaded(
      import("./glue/heed-model-threads-64.node.mjs"),
      new URL("./glue/heed-model-threads-64.node.mjs", import.meta.url),
    ),
};

const modules: Readonly<Record<WasmName, () => URL>> = {
  "heed-simd.wasm": () => new URL("./glue/heed-simd.wasm", import.meta.url),
  "heed-relaxed.wasm": () => new URL("./glue/heed-relaxed.wasm", import.meta.url),
  "heed-threads.wasm": () => new URL("./glue/heed-threads.wasm", import.meta.url),
  "heed-relaxed-threads.wasm": () => new URL("./glue/heed-relaxed-threads.wasm", import.meta.url),
  "heed-study-simd.wasm": () => new URL("./glue/heed-study-simd.wasm", import.meta.url),
  "heed-study-relaxed.wasm": () => new URL("./glue/heed-study-relaxed.wasm", import.meta.url),
  "heed-study-threads.wasm": () => new URL("./glue/heed-study-threads.wasm", import.meta.url),
  "heed-study-relaxed-threads.wasm": () => new URL("./glue/heed-study-relaxed-threads.wasm", import.meta.url),
  "heed-model-simd.wasm": () => new URL("./glue/heed-model-simd.wasm", import.meta.url),
  "heed-model-relaxed.wasm": () => new URL("./glue/heed-model-relaxed.wasm", import.meta.url),
  "heed-model-threads.wasm": () => new URL("./glue/heed-model-threads.wasm", import.meta.url),
  "heed-model-relaxed-threads.wasm": () => new URL("./glue/heed-model-relaxed-threads.wasm", import.meta.url),
  "heed-relaxed-threads-64.wasm": () => new URL("./glue/heed-relaxed-threads-64.wasm", import.meta.url),
  "heed-model-relaxed-threads-64.wasm": () => new URL("./glue/heed-model-relaxed-threads-64.wasm", import.meta.url),
};

async function read(url: URL, { signal, onProgress }: ReadOptions): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const bytes =
      url.protocol === "file:"
        ? new Uint8Array(await readFile(url, signal ? { signal } : {}))
        : await responseBytes(await fetch(url, signal ? { signal } : {}));
    onProgress?.({ phase: "download", loaded: bytes.length, total: bytes.length });
    return bytes;
  } catch (error) {
    if (error instanceof HeedError || signal?.aborted) throw error;
    throw new HeedError("load-failed", `${url.href} could not be read: ${reasonOf(error)}`, { cause: error });
  }
}

export const nodePlatform: Platform = {
  loader: (module, variant) => loaders[loaderFile(module, variant)](),
  wasmUrl: (module, variant) => modules[wasmFile(module, variant)](),
  read,
  tokenizers: async () => (await import("./tokenizers.mjs")).default,
  open: openInNode,
  resolve: (address) => new URL(address, pathToFileURL(`${process.cwd()}/`)),
  hardwareThreads: availableParallelism,
  threadsRefusal: () =>
    inheritsInputType() ? "Node started with --input-type, with which it starts no threads; use a file" : undefined,
  // Node's loader reports the errors of its workers itself.
  watchThread: () => () => undefined,
};
