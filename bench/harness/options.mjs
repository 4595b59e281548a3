// The command line of `npm run bench -- ...`, checked: a misspelled option must not become a run of an hour.

import { availableParallelism } from "node:os";

import { Failure } from "../../.ci/base/failure.mjs";

export const suiteNames = ["exact", "sizes", "topk", "searches", "decode", "peak", "scaling", "start"];
export const engineNames = ["node", "chromium"];

export const usage = `npm run bench -- [options]
  --only=exact,topk     suites, of ${suiteNames.join(", ")}; default: all but scaling
  --engine=node         engines, of ${engineNames.join(", ")}; default: both (scaling: node)
  --shape=full-4096     only this shape of shapes/<suite>.json
  --threads=1,2         thread counts; default: 1 and 2; for scaling 1, 2, 4, ... and all
  --budget=12           seconds of samples per candidate and table
  --no-peers            heed and the machine alone; nothing is downloaded
  --quick               small shapes and few samples: shows that everything works, measures nothing
  --out=FILE            FILE.json and FILE.md; default: build/bench/<suites>
  --prepared            no set-up and no build: this Node, dist/ as it is
  --help                this text`;

function listOf(name, value, legal) {
  const names = value.split(",").filter(Boolean);
  const unknown = names.filter((each) => !legal.includes(each));
  if (names.length > 0 && unknown.length === 0) return names;
  throw new Failure(`--${name} is "${value}"; use some of ${legal.join(", ")}, with commas.`);
}

function threadCounts(value) {
  const counts = value.split(",").map(Number);
  if (counts.every((count) => Number.isInteger(count) && count >= 1)) return [...new Set(counts)].sort((a, b) => a - b);
  throw new Failure(`--threads is "${value}"; use whole numbers from 1 on, with commas.`);
}

/** 1, 2, 4, ... and the last one itself. */
function doublings(most) {
  const counts = [];
  for (let count = 1; count < most; count *= 2) counts.push(count);
  return [...counts, most];
}

const flags = ["quick", "prepared", "no-peers", "help"];
const valued = ["only", "engine", "shape", "threads", "budget", "out"];

function parse(argv) {
  const given = {};
  for (const argument of argv) {
    const [, name, , value] = /^--([a-z-]+)(=(.*))?$/.exec(argument) ?? [];
    if (flags.includes(name) && value === undefined) given[name] = true;
    else if (valued.includes(name) && value) given[name] = value;
    else throw new Failure(`"${argument}" is no option.\n${usage}`);
  }
  return given;
}

/** @throws {Failure} naming the option, what it was and what would be legal */
export function readOptions(argv) {
  const given = parse(argv);
  const quick = given.quick === true;
  const machine = availableParallelism();
  const chosen = given.threads === undefined ? undefined : threadCounts(given.threads);
  const budget = given.budget === undefined ? (quick ? 0.3 : 12) : Number(given.budget);
  if (!(budget > 0)) throw new Failure(`--budget is "${given.budget}"; use a number of seconds above 0.`);
  const suites = given.only ? listOf("only", given.only, suiteNames) : suiteNames.filter((name) => name !== "scaling");
  return {
    help: given.help === true,
    prepared: given.prepared === true,
    quick,
    peers: given["no-peers"] !== true,
    suites,
    engines: given.engine ? listOf("engine", given.engine, engineNames) : defaultEngines(suites),
    shape: given.shape,
    threads: chosen ?? [1, 2].filter((count) => count <= machine),
    scalingThreads: chosen ?? doublings(machine),
    out: (given.out ?? `build/bench/${suites.join("-")}`).replace(/\.(json|md)$/, ""),
    effort: {
      budget: budget * 1000,
      least: quick ? 2 : 3,
      most: quick ? 3 : 25,
      warm: quick ? 20 : 400,
    },
  };
}

const defaultEngines = (suites) => (suites.every((name) => name === "scaling") ? ["node"] : engineNames);
