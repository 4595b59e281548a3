// Are the kernels still functions of their own in the linked module?
//
// A kernel that wasm-opt folds into its caller stays in the engine's baseline compiler and runs at a fraction of its
// speed, without any test failing. cpp/kernels.txt lists the functions that must survive the link; the linker's symbol
// map says which did. A kernel_ function in the sources that the list does not name fails too, so the list stays whole.

import { existsSync, readFileSync } from "node:fs";

import { Failure } from "../base/failure.mjs";
import { filesBelow } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";

const list = fromRoot("cpp", "kernels.txt");

/** Names in the list: one a line, "#" starts a comment. */
export function parseKernelList(text) {
  return text
    .split("\n")
    .map((line) => line.replace(/#.*/, "").trim())
    .filter((line) => line !== "");
}

/** Function names of a symbol map ("index:name" lines), with the escapes of the name section undone. */
export function parseSymbolMap(text) {
  const unescaped = (name) => name.replace(/\\([0-9a-f]{2})/g, (_, hex) => String.fromCharCode(parseInt(hex, 16)));
  return text
    .split("\n")
    .filter((line) => line.includes(":"))
    .map((line) => unescaped(line.slice(line.indexOf(":") + 1)));
}

/** The kernels of `wanted` that no function of `symbols` is an instance of. */
export function missingKernels(wanted, symbols) {
  return wanted.filter((kernel) => !symbols.some((name) => new RegExp(`\\b${kernel}\\b`).test(name)));
}

/** Fails when a listed kernel is not a function of the module; returns how many functions the kernels are. */
export function checkKernels(variant, symbolMap) {
  if (!existsSync(list)) throw new Failure("cpp/kernels.txt is missing; list in it the kernel_ functions, one a line.");
  const wanted = parseKernelList(readFileSync(list, "utf8"));
  const unlisted = kernelsInSources().filter((name) => !wanted.includes(name));
  if (unlisted.length > 0) {
    throw new Failure(`cpp/kernels.txt does not list ${unlisted.join(", ")}; every kernel_ function belongs there.`);
  }
  const symbols = parseSymbolMap(readFileSync(symbolMap, "utf8"));
  const missing = missingKernels(wanted, symbols);
  if (missing.length > 0) {
    throw new Failure(
      `variant ${variant}: the linker folded ${missing.join(", ")} into a caller (or dropped it, unused); keep it a ` +
        `function of its own (see cpp/cmake/emscripten.cmake), or take it off cpp/kernels.txt.`,
    );
  }
  return symbols.filter((name) => wanted.some((kernel) => new RegExp(`\\b${kernel}\\b`).test(name))).length;
}

function kernelsInSources() {
  const names = new Set();
  for (const file of filesBelow(fromRoot("cpp")).filter((file) => /\.[ch]pp$/.test(file))) {
    const code = readFileSync(file, "utf8").replace(/\/\/.*/g, "");
    for (const [, name] of code.matchAll(/\b(kernel_\w+)\s*\(/g)) names.add(name);
  }
  return [...names];
}
