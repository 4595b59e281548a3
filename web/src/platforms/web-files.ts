/**
 * The files that the package's code loads in a browser, by name.
 *
 * Every path is a literal beside `import.meta.url`: bundlers follow nothing else, and copy what lies there. The page
 * has them too, and tells its worker: where a worker is copied without being looked at (Rollup's asset plugin), only
 * what the page names is copied with it.
 */
import type { FileAddresses, FileName } from "../runtime/file-names.js";

const files: Readonly<Record<FileName, () => URL>> = {
  "heed.mjs": () => new URL("./glue/heed.mjs", import.meta.url),
  "heed-threads.mjs": () => new URL("./glue/heed-threads.mjs", import.meta.url),
  "heed-study.mjs": () => new URL("./glue/heed-study.mjs", import.meta.url),
  "heed-study-threads.mjs": () => new URL("./glue/heed-study-threads.mjs", import.meta.url),
  "heed-model.mjs": () => new URL("./glue/heed-model.mjs", import.meta.url),
  "heed-model-threads.mjs": () => new URL("./glue/heed-model-threads.mjs", import.meta.url),
  "heed-threads-64.mjs": () => new URL("./glue/heed-threads-64.mjs", import.meta.url),
  "heed-model-threads-64.mjs": () => new URL("./glue/heed-model-threads-64.mjs", import.meta.url),
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
  "tokenizers.mjs": () => new URL("./tokenizers.mjs", import.meta.url),
};

/** Turbopack makes an address without an origin of them, and starts workers from blobs. */
export function fileUrl(name: FileName): URL {
  const { protocol, origin, href } = globalThis.location;
  return new URL(files[name](), protocol === "blob:" ? origin : href);
}

/** All of them, for the worker. */
export function fileAddresses(): FileAddresses {
  const names = Object.keys(files) as FileName[];
  return Object.fromEntries(names.map((name) => [name, fileUrl(name).href])) as FileAddresses;
}
