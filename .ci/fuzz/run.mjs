// One target run for so long, and what came of it. Both kinds have libFuzzer's command line and its words.

import { mkdirSync, readFileSync, readdirSync, rmSync } from "node:fs";

import { fromRoot } from "../base/paths.mjs";
import { status } from "../base/process.mjs";
import { commandOf } from "./build.mjs";
import { corpusFile, pack, readCorpus, unpack } from "./corpus.mjs";

/** Inputs are at most so long; the targets of kind `web` have limits of their own. */
const longestInput = 600;
/** Longer than any input of ours takes, under sanitizers on a busy machine. */
const inputSeconds = 300;

const folder = (...parts) => fromRoot("build", "fuzz-runs", ...parts);

/** @typedef {{ executions: number, coverage: number, findings: string[], log: string }} Outcome */

/** What a log says: inputs that were run, and what they covered. */
export function readLog(text) {
  const last = (pattern) => Number([...text.matchAll(pattern)].at(-1)?.[1] ?? 0);
  return { executions: last(/^stat::number_of_executed_units: +(\d+)/gm), coverage: last(/\bcov: (\d+)/g) };
}

/** What a target may take beside its seconds: its corpus, on a busy machine. Past that it hangs. */
const longestRest = 15 * 60_000;

const start = (target, settings, environment, seconds = 0) => {
  const [program, ...args] = [...commandOf(target), ...settings];
  const log = folder(`${target.name}.log`);
  // Freed memory is kept back for a while; with the usual 256 MB a target spends a third of its time on fresh pages.
  // The leak checker stops all threads from outside, which a busy machine can hold up for minutes; leaks are what the
  // suites under the same sanitizers look for.
  const options = "quarantine_size_mb=16:detect_leaks=0";
  return status(program, args, {
    env: { ...environment, ASAN_OPTIONS: options },
    log,
    limit: 1000 * seconds + longestRest,
  });
};

/**
 * Runs all of the corpus, then changes it for `seconds`. New inputs are kept in build/, findings too.
 *
 * @returns {Promise<Outcome>}
 */
export async function runTarget(target, seconds, environment, { seed = 1 } = {}) {
  const { name } = target;
  unpack(readCorpus(corpusFile(name)), folder("corpus", name));
  mkdirSync(folder("found", name), { recursive: true });
  rmSync(folder("findings", name), { recursive: true, force: true });
  mkdirSync(folder("findings", name), { recursive: true });
  const options = [
    `-max_total_time=${seconds}`,
    `-seed=${seed}`,
    `-max_len=${longestInput}`,
    // Few bytes say little here: inputs need not be short before they may be long.
    "-len_control=0",
    `-timeout=${inputSeconds}`,
    `-artifact_prefix=${folder("findings", name)}/`,
    "-print_final_stats=1",
    "-reload=0",
    "-detect_leaks=0",
  ];
  const folders = [folder("found", name), folder("corpus", name)];
  const code = await start(target, [...options, ...folders], environment, seconds);
  const log = folder(`${name}.log`);
  const findings = readdirSync(folder("findings", name)).filter((file) => !file.startsWith("slow-unit"));
  if (code !== 0 && findings.length === 0) findings.push(`no input, the status was ${code}`);
  return { ...readLog(readFileSync(log, "utf8")), findings, log };
}

/** The smallest inputs that cover what all that were found cover, as the corpus of the repository. */
export async function mergeCorpus(target, environment) {
  const { name } = target;
  const [merged, found, known] = [folder("merged", name), folder("found", name), folder("corpus", name)];
  unpack([], merged);
  const cover = target.kind === "native" ? "-set_cover_merge=1" : "-merge=1";
  await start(target, [cover, `-max_len=${longestInput}`, merged, found, known], environment);
  return pack(merged, corpusFile(name));
}
