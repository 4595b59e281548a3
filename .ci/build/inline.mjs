// heed/inline's files: what its entry imports instead of fetching. For each variant with one thread the worker, with
// the loaders in it, and the modules, all as text.

import { existsSync, readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

import { digestOf, writeIfChanged } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";
import { isStamped, keyOf, stamp } from "../base/stamp.mjs";
import { modules } from "./modules.mjs";
import { variants } from "./variants.mjs";

const worker = fromRoot("web", "src", "entries", "worker-inline.ts");
const stamped = fromRoot("build", "stamps", "inline");
const glue = (name) => fromRoot("dist", "glue", name);
/** Models come as files anyway. */
const names = Object.keys(modules).filter((module) => module !== "model");
/** Threads start from a file of their own. */
const packed = variants.filter((variant) => !variant.includes("threads"));
const fileOf = (module, variant) =>
  fromRoot("dist", "inline", `${module === "core" ? "" : `${module}-`}${variant}.packed.js`);

/** The worker of one variant as one text: a classic script, because a page of a file: address starts no other so. */
async function workerText(variant) {
  const { rolldown } = await import("rolldown");
  const build = await rolldown({
    input: worker,
    cwd: fromRoot(),
    platform: "browser",
    // Nothing is found by it here, and a classic script may not contain it.
    transform: { define: { "import.meta.url": "undefined" } },
    plugins: [
      {
        name: "loaders of the variant",
        resolveId: (id) => (id.startsWith("./glue/") ? glue(id.slice(7).replace("VARIANT", variant)) : null),
      },
    ],
  });
  const { output } = await build.generate({ format: "iife", codeSplitting: false, minify: true });
  await build.close();
  return output[0].code;
}

/** base64 of gzip: what a browser unpacks without code of ours, and a third of the bytes. */
const packedModule = (module, variant) =>
  gzipSync(readFileSync(glue(`${modules[module]}-${variant}.wasm`)), { level: 9 }).toString("base64");

export async function packInline() {
  const results = packed.flatMap((variant) => names.map((module) => fileOf(module, variant)));
  const scripts = ["inline.mjs", "modules.mjs", "variants.mjs"].map((name) => fromRoot(".ci", "build", name));
  const key = keyOf([digestOf(fromRoot("web", "src"), fromRoot("dist", "glue"), ...scripts)]);
  if (isStamped(stamped, key) && results.every((file) => existsSync(file))) return false;
  for (const variant of packed) {
    for (const module of names) {
      const texts = { wasm: packedModule(module, variant) };
      if (module === "core") texts.worker = await workerText(variant);
      const lines = Object.entries(texts).map(([name, text]) => `export const ${name} = ${JSON.stringify(text)};\n`);
      writeIfChanged(fileOf(module, variant), lines.join(""));
    }
  }
  stamp(stamped, key);
  return true;
}
