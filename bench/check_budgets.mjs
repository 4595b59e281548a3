// node bench/check_budgets.mjs [results.json ...]
//
// Holds compressed sizes of dist/, and the results of one or more runs, against budgets.json. Fails when a budget is
// broken, and when results are given of which no budget speaks.

import { existsSync, readFileSync, readdirSync } from "node:fs";
import { basename, dirname, join } from "node:path";

import { Failure, guarded } from "../.ci/base/failure.mjs";
import { measure, withStaticImports } from "../.ci/build/sizes.mjs";
import { judgeResults, judgeSizes } from "./harness/budgets.mjs";
import { fromBench, fromRoot } from "./harness/places.mjs";

/** A star stands for any part of a file's name. */
function filesNamed(pattern) {
  const folder = dirname(pattern);
  if (!existsSync(fromRoot(folder))) return [];
  const [before, after] = basename(pattern).split("*");
  const fits = (name) => (after === undefined ? name === before : name.startsWith(before) && name.endsWith(after));
  return readdirSync(fromRoot(folder))
    .filter(fits)
    .map((name) => join(folder, name));
}

function sizeOf(file, { method, withImports }) {
  const files = withImports ? [...withStaticImports(fromRoot(file))] : [fromRoot(file)];
  return files.reduce((sum, each) => sum + measure(readFileSync(each))[method], 0);
}

function tablesOf(file) {
  let run;
  try {
    run = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new Failure(`${file} cannot be read (${error.message}); name a JSON file that npm run bench has written.`);
  }
  if (run.schema !== 1) throw new Failure(`${file} has schema ${run.schema}; this program reads 1.`);
  if (run.quick) throw new Failure(`${file} is a quick run, whose times mean nothing; measure without --quick.`);
  return run.tables;
}

await guarded(() => {
  const budgets = JSON.parse(readFileSync(fromBench("budgets.json"), "utf8"));
  const files = process.argv.slice(2);
  const tables = files.flatMap(tablesOf);
  const ratios = files.length > 0 ? judgeResults(budgets, tables) : [];
  const sentences = [...judgeSizes(budgets, { filesNamed, sizeOf }), ...ratios];
  for (const { kind, text } of sentences) console.log(`${kind.padEnd(7)}${text}`);
  if (files.length > 0 && ratios.every(({ kind }) => kind === "open")) {
    throw new Failure(`no budget speaks of what ${files.join(", ")} holds; measure a suite that budgets.json names.`);
  }
  const broken = sentences.filter(({ kind }) => kind === "broken");
  if (broken.length === 0) return;
  throw new Failure(`${broken.length} broken:\n${broken.map(({ text }) => `  ${text}`).join("\n")}`);
});
