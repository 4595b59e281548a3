// From what the linker wrote to dist/glue: one module for the web, one for Node, one .wasm for both.

import { readFileSync } from "node:fs";

import { Failure } from "../base/failure.mjs";
import { writeIfChanged } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";
import { checkKernels } from "./kernels.mjs";

/** Replaces `text` by `replacement` exactly `times` times, or fails: the linker's output has changed then. */
export function replaceExactly(source, text, replacement, times, what) {
  const parts = source.split(text);
  if (parts.length - 1 === times) return parts.join(replacement);
  throw new Failure(
    `${what}: expected ${times} of ${JSON.stringify(text)}, found ${parts.length - 1}; the glue that this Emscripten ` +
      `writes is not the one .ci/build/glue.mjs knows.`,
  );
}

/**
 * Bundlers read worker options only when they are literal, and merge workers of equal name, so each variant's threads
 * get a literal name of their own. (The glue recognizes its threads by the prefix "em-pthread".)
 */
export function webGlue(source, variant) {
  if (!variant.includes("threads")) return source;
  const options = `,{type:"module",name:"em-pthread-${variant}"})`;
  return replaceExactly(source, ",workerOptions)", options, 1, `heed-${variant}.mjs`);
}

/** The Node link names a .wasm of its own; it is the web link's, byte for byte. */
export function nodeGlue(source, variant) {
  const own = `heed-${variant}.node.wasm`;
  return replaceExactly(source, own, `heed-${variant}.wasm`, 2, `heed-${variant}.node.mjs`);
}

/** Checks and publishes the files of one variant; returns how many kernels its module holds. */
export function publishGlue(variant) {
  const linked = (name) => readFileSync(fromRoot("build", `wasm-${variant}`, "glue", name));
  const wasm = linked(`heed-${variant}.wasm`);
  if (!wasm.equals(linked(`heed-${variant}.node.wasm`))) {
    throw new Failure(`variant ${variant}: the web link and the Node link gave different .wasm files; one is shipped.`);
  }
  const kernels = checkKernels(variant, fromRoot("build", `wasm-${variant}`, "glue", `heed-${variant}.mjs.symbols`));
  const publish = (name, content) => writeIfChanged(fromRoot("dist", "glue", name), content);
  publish(`heed-${variant}.wasm`, wasm);
  publish(`heed-${variant}.mjs`, webGlue(linked(`heed-${variant}.mjs`).toString(), variant));
  publish(`heed-${variant}.node.mjs`, nodeGlue(linked(`heed-${variant}.node.mjs`).toString(), variant));
  return kernels;
}
