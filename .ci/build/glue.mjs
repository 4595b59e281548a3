// From what the linker wrote to dist/glue: of each module one loader for the web, one for Node, and one .wasm for both.
//
// The linker writes one loader that asks where it runs. Bundlers choke on Node's imports in a web file, wherever they
// stand, so the question is answered here and what the other place would need is removed. Linking a second time instead
// takes as long as the first: nearly all of it is the optimization of the .wasm, which came out the same.

import { readFileSync } from "node:fs";

import { Failure } from "../base/failure.mjs";
import { writeIfChanged } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";
import { checkKernels } from "./kernels.mjs";
import { modules } from "./modules.mjs";

/** Replaces what matches, which must be `times` places, or fails: the linker's output has changed then. */
export function replaceExactly(source, pattern, replacement, times, what) {
  const parts = source.split(pattern);
  if (parts.length - 1 === times) return parts.join(replacement);
  throw new Failure(
    `${what}: expected ${times} of ${String(pattern)}, found ${parts.length - 1}; the glue that this Emscripten ` +
      `writes is not the one .ci/build/glue.mjs knows.`,
  );
}

const hasThreads = (file) => file.endsWith("threads");

/** What the loader's questions are answered with: a declaration is taken out and its name becomes a constant. */
const answers = {
  web: { ENVIRONMENT_IS_NODE: "false" },
  node: { ENVIRONMENT_IS_NODE: "true", ENVIRONMENT_IS_WEB: "false" },
};
/** Asked by loaders that start threads, once more at their end. */
const answersForThreads = { web: { isNode: "false" }, node: { isNode: "true" } };

/** The loader `file`.mjs for one place, without the code of the other. */
export async function glueFor(place, source, file) {
  const { minify, transform } = await import("rolldown/utils");
  const what = `${file}.mjs for ${place}`;
  const define = { ...answers[place], ...(hasThreads(file) ? answersForThreads[place] : {}) };
  let asked = source;
  for (const name of Object.keys(define)) {
    asked = replaceExactly(asked, new RegExp(`var ${name} ?=[^;]*;`), "", 1, what);
    if (new RegExp(`\\b${name} ?=(?!=)`).test(asked)) throw new Failure(`${what}: ${name} is assigned to later on.`);
  }
  const answered = await transform(what, asked, { define });
  const small = await minify(what, answered.code, { module: true, compress: true, mangle: false });
  const errors = [...answered.errors, ...small.errors];
  if (errors.length > 0) throw new Failure(`${what}: ${errors.map(({ message }) => message).join("; ")}`);
  return quoted(small.code);
}

/** The minifier writes strings as templates. Bundlers follow addresses and worker options that are plain strings. */
export function quoted(code) {
  const options = /\{type:`module`,name:`([\w-]+)`\}/g;
  return code.replace(/new URL\(`([\w./-]+)`/g, 'new URL("$1"').replace(options, '{type:"module",name:"$1"}');
}

/**
 * Bundlers read worker options only when they are literal, and merge workers of equal name, so the threads of each file
 * get a literal name of their own. (The glue recognizes its threads by the prefix "em-pthread".)
 */
export function nameThreads(source, file) {
  if (!hasThreads(file)) return source;
  const options = `,{type:"module",name:"em-pthread-${file}"})`;
  return replaceExactly(source, ",workerOptions)", options, 1, `${file}.mjs`);
}

/** In Node, threads start from the loader for Node. */
export function nodeThreads(source, file) {
  if (!hasThreads(file)) return source;
  return replaceExactly(source, `new URL("${file}.mjs"`, `new URL("${file}.node.mjs"`, 1, `${file}.node.mjs`);
}

/** Checks and publishes the files of one variant; returns how many kernels each module holds, by name. */
export async function publishGlue(variant) {
  const kernels = {};
  for (const [module, stem] of Object.entries(modules)) {
    const file = `${stem}-${variant}`;
    const linked = (name) => fromRoot("build", `wasm-${variant}`, "glue", name);
    kernels[module] = checkKernels(module, variant, linked(`${file}.mjs.symbols`));
    const publish = (name, content) => writeIfChanged(fromRoot("dist", "glue", name), content);
    const source = readFileSync(linked(`${file}.mjs`), "utf8");
    publish(`${file}.wasm`, readFileSync(linked(`${file}.wasm`)));
    publish(`${file}.mjs`, await glueFor("web", nameThreads(source, file), file));
    publish(`${file}.node.mjs`, await glueFor("node", nodeThreads(source, file), file));
  }
  return kernels;
}
