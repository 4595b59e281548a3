// npm test [-- --only=<part>[,<part>]]: sets up, builds, runs every runner, and closes with "N passed, N failed".
//
// Fails when a test failed, and when a runner found no test at all: an empty suite proves nothing. A part is a runner's
// name or a group (native, scripts, web, browser, lab).

import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { performance } from "node:perf_hooks";

import { eachOf } from "./base/each.mjs";
import { Failure, guarded } from "./base/failure.mjs";
import { fromRoot } from "./base/paths.mjs";
import { finished } from "./base/step.mjs";
import { build } from "./build/steps.mjs";
import { setUp } from "./setup/steps.mjs";
import { sum } from "./test/counts.mjs";
import { runners } from "./test/runners.mjs";

function chosen() {
  const option = process.argv.slice(2).find((argument) => argument.startsWith("--only="));
  const unknown = process.argv.slice(2).find((argument) => !argument.startsWith("--only="));
  if (unknown !== undefined) throw new Failure(`unknown argument "${unknown}"; use --only=<part>[,<part>].`);
  if (option === undefined) return runners.filter(({ rare }) => !rare);
  const wanted = option.slice("--only=".length).split(",");
  const known = new Set(runners.flatMap(({ name, parts }) => [name, ...parts]));
  const wrong = wanted.filter((part) => !known.has(part));
  if (wrong.length > 0) throw new Failure(`unknown part "${wrong.join(", ")}"; there are ${[...known].join(", ")}.`);
  const isWanted = ({ name, parts, rare }) =>
    wanted.includes(name) || (!rare && parts.some((part) => wanted.includes(part)));
  return runners.filter(isWanted);
}

/** Runs one runner; a build that fails is that runner's failure, and the others still run. */
async function outcome(runner, environment, log) {
  try {
    return await runner.run(environment, log);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    console.error(`heed: ${error.message}`);
    return { passed: 0, failed: 1, skipped: 0 };
  }
}

/** Runners that come after each other; light neighbors together. */
function groupsOf(selected) {
  const groups = [];
  for (const runner of selected) {
    const last = groups.at(-1);
    if (runner.light && last?.at(-1).light) last.push(runner);
    else groups.push([runner]);
  }
  return groups;
}

/** Its counts; undefined when it does not run here. `beside` others its output waits until it has ended. */
async function execute(runner, environment, beside) {
  if (runner.skip !== undefined) {
    console.log(`\n${runner.name}: not run, ${runner.skip}`);
    return undefined;
  }
  console.log(`\n${runner.name}: ${runner.what} ...`);
  const start = performance.now();
  const log = beside ? fromRoot("build", "logs", `test-${runner.name}.log`) : undefined;
  if (log !== undefined) rmSync(log, { force: true });
  const counts = await outcome(runner, environment, log);
  if (log !== undefined && existsSync(log)) console.log(`\n${readFileSync(log, "utf8").trimEnd()}`);
  console.log(`${finished(runner.name, start)}, ${describe(counts)}`);
  return { name: runner.name, ...counts };
}

await guarded(async () => {
  const selected = chosen();
  const environment = await setUp("test", ...selected.flatMap(({ needs = [] }) => needs));
  mkdirSync(fromRoot("build", "reports"), { recursive: true });
  if (selected.some(({ parts }) => parts.includes("web"))) {
    await build(environment, { lab: selected.some(({ parts }) => parts.includes("lab")) });
  }

  const results = [];
  for (const group of groupsOf(selected)) {
    const counts = await eachOf(group, 2, (runner) => execute(runner, environment, group.length > 1));
    results.push(...counts.filter((each) => each !== undefined));
  }

  const total = sum(results);
  const empty = results.filter(({ passed, failed }) => passed + failed === 0).map(({ name }) => name);
  console.log("\nresults");
  for (const counts of results) console.log(`  ${counts.name.padEnd(16)} ${describe(counts)}`);
  if (empty.length > 0) console.log(`no test was executed by: ${empty.join(", ")}`);
  const skipped = total.skipped > 0 ? `, ${total.skipped} skipped` : "";
  console.log(`${total.passed} passed, ${total.failed} failed${skipped}`);
  return total.failed > 0 || empty.length > 0 || results.length === 0 ? 1 : 0;
});

function describe({ passed, failed, skipped }) {
  return `${passed} passed, ${failed} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`;
}
