// From what the linker wrote to dist/glue: of each module a .wasm for every variant, and loaders, one for the web and
// one for Node, which variants that differ in their instructions alone share.
//
// The linker writes one loader that asks where it runs. Bundlers choke on Node's imports in a web file, wherever they
// stand, so the question is answered here and what the other place would need is removed. Linking a second time instead
// takes as long as the first: nearly all of it is the optimization of the .wasm, which came out the same.

import { readFileSync } from "node:fs";

import { Failure } from "../base/failure.mjs";
import { removeOthers, writeIfChanged } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";
import { keep } from "./copied.mjs";
import { checkKernels } from "./kernels.mjs";
import { modulesOf } from "./modules.mjs";
import { variants } from "./variants.mjs";

/** Replaces what matches, which must be `times` places, or fails: the linker's output has changed then. */
export function replaceExactly(source, pattern, replacement, times, what) {
  const parts = source.split(pattern);
  if (parts.length - 1 === times) return parts.join(replacement);
  throw new Failure(
    `${what}: expected ${times} of ${String(pattern)}, found ${parts.length - 1}; the glue that this Emscripten ` +
      `writes is not the one .ci/build/glue.mjs knows.`,
  );
}

const hasThreads = (file) => /threads(-64)?$/.test(file);

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
  const small = await minify(what, answered.code, { module: true, compress: true, mangle: true });
  const errors = [...answered.errors, ...small.errors];
  if (errors.length > 0) throw new Failure(`${what}: ${errors.map(({ message }) => message).join("; ")}`);
  return small.code;
}

/**
 * Threads start from the address that the loader itself was loaded from, as the caller says it: bundlers copy a loader
 * under another name, and do not look inside.
 */
export function addressedThreads(source, file) {
  if (!hasThreads(file)) return source;
  const literal = `new URL("${file}.mjs",import.meta.url)`;
  return replaceExactly(source, literal, 'Module["threadScript"]', 1, `${file}.mjs`);
}

/** The address of the .wasm, which the caller always brings: with it, a loader would be one variant's alone. */
export function withoutAddress(source, file) {
  const literal = new RegExp(`new URL\\("${file}\\.wasm",\\s*import\\.meta\\.url\\)\\.href`);
  const name = replaceExactly(source, literal, '""', 1, `${file}.mjs`);
  return replaceExactly(name, `"${file}.wasm"`, '""', 1, `${file}.mjs`);
}

/**
 * Emscripten 3.1.69 asks engines for memories of 64-bit addresses by a name that was changed before they had them; what
 * it concludes from the refusal is that sizes are numbers, with which such a memory does not grow.
 */
export function withAddressType(source, file) {
  if (!file.endsWith("-64")) return source;
  return replaceExactly(source, /index: ?"i64"/, 'address:"i64"', 2, `${file}.mjs`);
}

/** The loader's name: without the instructions that its variant has. */
export const loaderName = (file) => file.replace(/-(simd|relaxed)(-|$)/, "$2");

/** Refuses a loader that is not the one of the other variant: its modules name what they import in another order. */
function assertShared(name, code, { first, variant }) {
  if (readFileSync(fromRoot("dist", "glue", name), "utf8") === code) return;
  throw new Failure(
    `the loader ${name} of the variant ${variant} is not that of ${first}, with which it is to be shared; give every ` +
      `variant its own again (loaderName in .ci/build/glue.mjs, and the tables of web/src/platforms).`,
  );
}

/** Checks and publishes the files of one variant; returns how many kernels each module holds, by name. */
export async function publishGlue(variant) {
  const kernels = {};
  const first = variants.find((other) => loaderName(`-${other}`) === loaderName(`-${variant}`));
  for (const [module, stem] of modulesOf(variant)) {
    const file = `${stem}-${variant}`;
    const linked = (name) => fromRoot("build", `wasm-${variant}`, "glue", name);
    kernels[module] = checkKernels(module, variant, linked(`${file}.mjs.symbols`));
    writeIfChanged(fromRoot("dist", "glue", `${file}.wasm`), readFileSync(linked(`${file}.wasm`)));
    const changes = [addressedThreads, withoutAddress, withAddressType];
    const source = changes.reduce((code, change) => change(code, file), readFileSync(linked(`${file}.mjs`), "utf8"));
    for (const [place, end] of Object.entries({ web: ".mjs", node: ".node.mjs" })) {
      const name = `${loaderName(file)}${end}`;
      const code = await glueFor(place, place === "web" ? `${source}\n${keep(name, "Module")}` : source, file);
      if (variant === first) writeIfChanged(fromRoot("dist", "glue", name), code);
      else assertShared(name, code, { first, variant });
    }
  }
  return kernels;
}

/** Removes what is no variant's file. */
export function removeOtherGlue(variants) {
  const files = variants.flatMap((variant) => modulesOf(variant).map(([, stem]) => `${stem}-${variant}`));
  const names = files.flatMap((file) => [`${file}.wasm`, `${loaderName(file)}.mjs`, `${loaderName(file)}.node.mjs`]);
  removeOthers(
    fromRoot("dist", "glue"),
    names.map((name) => fromRoot("dist", "glue", name)),
  );
}
