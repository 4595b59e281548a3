// heed/inline's files: what its entry imports instead of fetching. The worker, with the loaders in it, and the modules,
// all as text.

import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { digestOf, removeOthers, writeIfChanged } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";
import { isStamped, keyOf, stamp } from "../base/stamp.mjs";
import { modules } from "./modules.mjs";

const worker = fromRoot("web", "src", "entries", "worker-inline.ts");
const stamped = fromRoot("build", "stamps", "inline");
const glue = (name) => fromRoot("dist", "glue", name);
/** Models come as files anyway. */
const names = Object.keys(modules).filter((module) => module !== "model");
/**
 * The one that runs everywhere: a page would have to carry every other one as well. Measured against "relaxed" with one
 * thread, 4096 tokens, median of 9: attend takes 1.1 times as long, the int8 search 1.2 times.
 */
const variant = "simd";
const fileOf = (module) => fromRoot("dist", "inline", `${module}.packed.js`);

/** The worker as one text: a classic script, because a page of a file: address starts no other so. */
async function workerText() {
  const { rolldown } = await import("rolldown");
  const build = await rolldown({
    input: worker,
    cwd: fromRoot(),
    platform: "browser",
    // Nothing is found by it here, and a classic script may not contain it.
    transform: { define: { "import.meta.url": "undefined" } },
    plugins: [
      {
        name: "loaders",
        resolveId: (id) => (id.startsWith("./glue/") ? glue(id.slice("./glue/".length)) : null),
      },
    ],
  });
  const { output } = await build.generate({ format: "iife", codeSplitting: false, minify: true });
  await build.close();
  return output[0].code;
}

/** base64 of gzip: what a browser unpacks without code of ours, and a third of the bytes. */
const packedModule = (module) =>
  gzipSync(readFileSync(glue(`${modules[module]}-${variant}.wasm`)), { level: 9 }).toString("base64");

export async function packInline() {
  const results = names.map(fileOf);
  const scripts = ["inline.mjs", "modules.mjs"].map((name) => fromRoot(".ci", "build", name));
  const key = keyOf([digestOf(fromRoot("web", "src"), fromRoot("dist", "glue"), ...scripts)]);
  if (isStamped(stamped, key) && results.every((file) => existsSync(file))) return false;
  for (const module of names) {
    const texts = { wasm: packedModule(module) };
    if (module === "core") texts.worker = await workerText();
    const lines = Object.entries(texts).map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};\n`);
    writeIfChanged(fileOf(module), lines.join(""));
  }
  removeOthers(fromRoot("dist", "inline"), results);
  stamp(stamped, key);
  return true;
}
