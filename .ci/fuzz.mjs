// npm run fuzz [-- --only=<target>[,<target>] --seconds=N --jobs=N --seed=N]
//
// Runs the fuzz targets (tests/README.md), 600 seconds each unless told otherwise, two at a time. Afterwards the
// corpora under tests/fuzz/corpus are the smallest that cover what was found, and tests/fuzz/README.md has the counts.
// A finding is an input in build/fuzz-runs/findings, and the program fails.

import { eachOf } from "./base/each.mjs";
import { Failure, guarded } from "./base/failure.mjs";
import { build } from "./build/steps.mjs";
import { buildTargets } from "./fuzz/build.mjs";
import { record } from "./fuzz/results.mjs";
import { mergeCorpus, runTarget } from "./fuzz/run.mjs";
import { targets } from "./fuzz/targets.mjs";
import { setUp } from "./setup/steps.mjs";

function settingsOf(args) {
  const settings = { only: targets.map(({ name }) => name), seconds: 600, jobs: 2, seed: 1 };
  for (const argument of args) {
    const [, name, value] = /^--(\w+)=(.+)$/.exec(argument) ?? [];
    if (!(name in settings)) throw new Failure(`unknown argument "${argument}"; --only, --seconds, --jobs and --seed.`);
    settings[name] = name === "only" ? value.split(",") : Number(value);
    if (name !== "only" && !(Number.isInteger(settings[name]) && settings[name] > 0)) {
      throw new Failure(`--${name} is ${value}; an integer of at least 1 is needed.`);
    }
  }
  const known = targets.map(({ name }) => name);
  const wrong = settings.only.filter((name) => !known.includes(name));
  if (wrong.length > 0) throw new Failure(`unknown target "${wrong.join(", ")}"; there are ${known.join(", ")}.`);
  return settings;
}

await guarded(async () => {
  const { only, seconds, jobs, seed } = settingsOf(process.argv.slice(2));
  const chosen = targets.filter(({ name }) => only.includes(name));
  const environment = await setUp("test");
  if (chosen.some(({ kind }) => kind === "web")) await build(environment, { lab: false });
  await buildTargets(chosen, environment);

  const failed = [];
  await eachOf(chosen, jobs, async (target) => {
    const { name } = target;
    console.log(`${name}: ${target.what}, ${seconds} s ...`);
    const { executions, coverage, findings, log } = await runTarget(target, seconds, environment, { seed });
    console.log(`${name}: ${executions} inputs, ${coverage} covered, ${findings.length} findings`);
    if (findings.length > 0) {
      failed.push(`${name} (${findings.join(", ")}; ${log})`);
      return;
    }
    const corpus = await mergeCorpus(target, environment);
    record({ [name]: { seconds, executions, coverage, findings: findings.length, ...corpus } });
  });
  if (failed.length > 0) throw new Failure(`findings: ${failed.join("; ")}`);
});
