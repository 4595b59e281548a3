// The simulations at full size: the tables of results/, which cpp/simulate/README.md reads.
//
//   node tests/studies/simulations.mjs           makes all tables again, some minutes
//   node tests/studies/simulations.mjs E3 E5     some of them
//
// Every table is one `heed sweep`, and says as which in its first line.

import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const program = fileURLToPath(new URL("../../dist/heed.js", import.meta.url));
const results = new URL("results/", import.meta.url);

const lengths = "n=64,128,256,512,1024,2048,4096,8192";
const common = ["rows=256", "repeats=10"];
const violated = ["n=256,512,1024,2048,4096", "rows=128", "repeats=5"];

/** Name of a table to the arguments of its sweep. */
export const tables = {
  "E1-independent": ["E1", "n=64,128,256,512,1024,2048,4096,8192,16384", "epsilon=1e-2,1e-3,1e-4", "rows=512"],
  "E1-identity": ["E1", "n=64,128,256,512,1024,2048,4096,8192,16384", "epsilon=1e-2", "weights=identity", "rows=512"],
  "E2-independent": ["E2", lengths, "output=true", ...common],
  "E2-identity": ["E2", lengths, "weights=identity", ...common],
  "E2-spectral": ["E2", "n=64,128,256,512,1024,2048", "spectral=true", "rows=256"],
  "E3-equal-cost": ["E3", "weights=none", "rows=128", "repeats=4"],
  "E4-independent": ["E4", lengths, ...common],
  "E4-identity": ["E4", lengths, "weights=identity", ...common],
  "E5-sigma": ["E5", "n=64,256,1024,4096,16384", "sigma=0.5,1,2,3,4", "weights=none", "rows=128", "repeats=4"],
  "E5-gamma": ["E5", "n=64,256,1024,4096,16384", "gamma=0.4,0.7,0.9,1.1,1.3", "weights=none", "rows=128", "repeats=4"],
  "E5-identity": ["E5", "n=64,256,512,1024,1448,1808,2048,4096,16384", "weights=identity", "rows=512"],
  "E6-uniform": ["E6", "input=uniform", "rows=1024", "repeats=10"],
  "E6-rademacher": ["E6", "input=rademacher", "rows=1024", "repeats=10"],
  "E6-gaussian": ["E6", "rows=1024", "repeats=10"],
  "E6-student": ["E6", "input=student", "strength=3", "rows=1024", "repeats=10"],
  "E6-rademacher-orthogonal": ["E6", "input=rademacher", "weights=powerLaw", "decay=0", "rows=1024", "repeats=10"],
  "E6-rademacher-rank-1": ["E6", "input=rademacher", "weights=lowRank", "rank=1", "rows=1024", "repeats=10"],
  "E7-mass": ["E7", "n=256,1024,4096,16384", "weights=none", "rows=128", "repeats=4"],
  "E7-weights": ["E7", "n=256,1024,4096", ...common],
  "E8-none": ["E8", "weights=none", "rows=256"],
  "E8-independent": ["E8", "rows=256"],
  "E9-stationary": ["E9", "input=stationary", "strength=0,0.5,0.9,0.99", ...violated],
  "E9-clustered": ["E9", "input=clustered", "strength=0,0.25,0.5,0.75,1", ...violated],
  "E9-student": ["E9", "input=student", "strength=2.1,3,4,8,100", ...violated],
  "E9-outliers": ["E9", "input=outliers", "strength=1,2,4,8,16", ...violated],
  "E9-sink": ["E9", "input=sink", "strength=0,2,4,6,8,10", ...violated],
  "E9-duplicates": ["E9", "input=duplicates", "strength=1,4,16,64", ...violated],
  "E9-low-dimension": ["E9", "input=lowDimension", "strength=1,2,4,16,64", ...violated],
  "E11-none": ["E11", "weights=none", "n=256,512,1024,2048,4096,8192,16384", ...common],
  "E11-weights": ["E11", "n=256,512,1024,2048,4096,8192", ...common],
  "E11-gain-2": ["E11", "n=256,512,1024,2048,4096,8192,16384", "sigma=2", ...common],
};

const fileOf = (name) => fileURLToPath(new URL(`${name}.csv`, results));

/** One table as objects; numbers are numbers. */
export function read(name) {
  const [, head, ...lines] = readFileSync(fileOf(name), "utf8").trimEnd().split("\n");
  const columns = head.split(",");
  const cell = (text) => (text === "" ? Number.NaN : Number.isNaN(Number(text)) ? text : Number(text));
  return lines.map((line) => Object.fromEntries(line.split(",").map((text, i) => [columns[i], cell(text)])));
}

function shortened(csv) {
  // Six digits are more than a sample knows, and keep the files small.
  return csv.replace(/-?\d+\.\d+(e[+-]?\d+)?/g, (number) => String(Number(Number(number).toPrecision(6))));
}

function make(name) {
  const [id, ...settings] = tables[name];
  const args = ["sweep", id, ...settings.flatMap((setting) => ["--set", setting])];
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status !== 0) throw new Error(`${name}: ${stderr}`);
  mkdirSync(results, { recursive: true });
  rmSync(fileOf(name), { force: true });
  writeFileSync(fileOf(name), `# heed ${args.join(" ")}\n${shortened(stdout)}`);
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const wanted = process.argv.slice(2);
  for (const name of Object.keys(tables)) {
    if (wanted.length > 0 && !wanted.includes(name) && !wanted.includes(name.split("-")[0])) continue;
    const began = performance.now();
    make(name);
    console.log(`${name}  ${((performance.now() - began) / 1000).toFixed(1)} s`);
  }
}
