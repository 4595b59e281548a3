// Are the kernels still functions of their own in the linked module?
//
// A kernel that wasm-opt folds into its caller stays in the engine's baseline compiler and runs at a fraction of its
// speed, without any test failing. cpp/kernels.txt lists the functions that must survive the link, and the modules that
// hold them; the linker's symbol map says which did. The list is held to be whole: a kernel_ function of the sources
// that it does not name fails, and so does one that a module holds and the list does not say so.

import { existsSync, readFileSync } from "node:fs";

import { Failure } from "../base/failure.mjs";
import { filesBelow } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";

const list = fromRoot("cpp", "kernels.txt");

/** The modules of each kernel in the list: "kernel_name module ...", the core when none is named; "#" is a comment. */
export function parseKernelList(text) {
  const lines = text.split("\n").map((line) => line.replace(/#.*/, "").trim());
  return new Map(
    lines
      .filter((line) => line !== "")
      .map((line) => {
        const [name, ...held] = line.split(/\s+/);
        return [name, held.length > 0 ? held : ["core"]];
      }),
  );
}

/** Function names of a symbol map ("index:name" lines), with the escapes of the name section undone. */
export function parseSymbolMap(text) {
  const unescaped = (name) => name.replace(/\\([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return text
    .split("\n")
    .filter((line) => line.includes(":"))
    .map((line) => unescaped(line.slice(line.indexOf(":") + 1)));
}

const isInstance = (kernel) => {
  const word = new RegExp(`\\b${kernel}\\b`);
  return (symbol) => word.test(symbol);
};

/** The kernels of `wanted` that no function of `symbols` is an instance of. */
export function missingKernels(wanted, symbols) {
  return wanted.filter((kernel) => !symbols.some(isInstance(kernel)));
}

/** Fails when a kernel of the module is not a function of it; returns how many functions its kernels are. */
export function checkKernels(module, variant, symbolMap) {
  if (!existsSync(list)) throw new Failure("cpp/kernels.txt is missing; list in it the kernel_ functions, one a line.");
  const listed = parseKernelList(readFileSync(list, "utf8"));
  const unlisted = kernelsInSources().filter((name) => !listed.has(name));
  if (unlisted.length > 0) {
    throw new Failure(`cpp/kernels.txt does not list ${unlisted.join(", ")}; every kernel_ function belongs there.`);
  }
  const symbols = parseSymbolMap(readFileSync(symbolMap, "utf8"));
  const [held, others] = [[], []];
  for (const [name, modules] of listed) (modules.includes(module) ? held : others).push(name);
  const missing = missingKernels(held, symbols);
  if (missing.length > 0) {
    throw new Failure(
      `${module}, variant ${variant}: the linker folded ${missing.join(", ")} into a caller (or dropped it, unused); ` +
        `keep it a function of its own (see cpp/cmake/emscripten.cmake), or take the module off its line in ` +
        `cpp/kernels.txt.`,
    );
  }
  const absent = missingKernels(others, symbols);
  const unsaid = others.filter((name) => !absent.includes(name));
  if (unsaid.length > 0) {
    throw new Failure(
      `cpp/kernels.txt does not say that the module ${module} holds ${unsaid.join(", ")}; add its name.`,
    );
  }
  return symbols.filter((symbol) => held.some((kernel) => isInstance(kernel)(symbol))).length;
}

function kernelsInSources() {
  const names = new Set();
  for (const file of filesBelow(fromRoot("cpp")).filter((file) => /\.[ch]pp$/.test(file))) {
    const code = readFileSync(file, "utf8").replace(/\/\/.*/g, "");
    for (const [, name] of code.matchAll(/\b(kernel_\w+)\s*\(/g)) names.add(name);
  }
  return [...names];
}
