// What a visitor downloads: sizes of the files of dist, and the budgets they must keep.

import { existsSync, readFileSync } from "node:fs";
import { basename, relative } from "node:path";
import { brotliCompressSync, gzipSync } from "node:zlib";

import { Failure } from "../base/failure.mjs";
import { filesBelow } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";

// Chosen: one page load of the library stays below a middling photograph. In bytes after compression.
const coreBudget = 120 * 1024; // brotli, in each variant
const besideBudget = 125_000; // brotli, simulations and models: loaded on demand
const wideAllowance = 1.04; // of both with addresses of 64 bits, which take 2 to 3 % more; nobody gets them unasked
const entryBudget = 15_000; // gzip, web.js with what it imports statically

export function measure(bytes) {
  return { raw: bytes.length, gzip: gzipSync(bytes, { level: 9 }).length, brotli: brotliCompressSync(bytes).length };
}

const staticImport = /(?:^|;)(?:import|export)\b[^;]*?["']\.\/([\w-]+\.js)["']/gm;

/** A file of dist and, recursively, the files of dist that it imports statically; the glue loads later, by choice. */
export function withStaticImports(file, seen = new Set()) {
  if (seen.has(file) || !existsSync(file)) return seen;
  seen.add(file);
  for (const [, name] of readFileSync(file, "utf8").matchAll(staticImport)) {
    withStaticImports(fromRoot("dist", name), seen);
  }
  return seen;
}

export function reportSizes() {
  const over = [];
  console.log(`${"file".padEnd(36)}${"raw".padStart(10)}${"gzip".padStart(10)}${"brotli".padStart(10)}`);
  for (const file of filesBelow(fromRoot("dist")).filter((file) => /\.(m?js|wasm)$/.test(file))) {
    const size = measure(readFileSync(file));
    const cells = [size.raw, size.gzip, size.brotli].map((bytes) => String(bytes).padStart(10));
    console.log(relative(fromRoot("dist"), file).padEnd(36) + cells.join(""));
    const usual = /heed-(study|model)-/.test(file) ? besideBudget : coreBudget;
    const budget = file.endsWith("-64.wasm") ? usual * wideAllowance : usual;
    if (file.endsWith(".wasm") && size.brotli > budget) {
      over.push(`${basename(file)} is ${size.brotli} bytes after brotli, the budget is ${budget}`);
    }
  }
  const entry = [...withStaticImports(fromRoot("dist", "web.js"))].map((file) => readFileSync(file));
  const total = entry.reduce((sum, bytes) => sum + measure(bytes).gzip, 0);
  if (entry.length > 0) console.log(`web.js and what it imports: ${total} bytes after gzip`);
  if (total > entryBudget) over.push(`web.js is ${total} bytes after gzip, the budget is ${entryBudget}`);
  if (over.length > 0) throw new Failure(`over budget: ${over.join("; ")}.`);
}
