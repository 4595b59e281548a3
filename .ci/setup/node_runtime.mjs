// Node 24 for the tools, as an ordinary npm package with the program inside. The Node that runs this script is used
// when it is new enough itself.

import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { Failure } from "../base/failure.mjs";
import { fromToolchain } from "../base/paths.mjs";
import { run } from "../base/process.mjs";
import { isStamped, keyOf, stamp } from "../base/stamp.mjs";
import { node } from "./versions.mjs";

const home = fromToolchain("node24");
const complete = join(home, "complete");
const major = (version) => Number(version.split(".")[0]);
const runningIsEnough = () => major(process.versions.node) >= major(node.version);

/** The Node that runs bundler, type checker and tests. */
export const nodeProgram = () => (runningIsEnough() ? process.execPath : join(home, "bin/node"));

export function nodeIsReady() {
  return runningIsEnough() || (isStamped(complete, keyOf(node)) && existsSync(nodeProgram()));
}

export async function installNode() {
  const name = process.platform === "linux" ? node.packages[process.arch] : undefined;
  if (name === undefined) {
    throw new Failure(
      `the tools need Node ${major(node.version)} or newer, this is ${process.versions.node}; install it and run ` +
        `the same command again.`,
    );
  }
  const fresh = `${home}.partial`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  // The lock file carries the digest of the package: npm refuses anything else.
  const folder = new URL("./node24/", import.meta.url);
  for (const file of ["package.json", "package-lock.json"]) {
    writeFileSync(join(fresh, file), readFileSync(new URL(file, folder)));
  }
  await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix", fresh], {
    cwd: fresh,
    log: fromToolchain("logs", "node.log"),
    otherwise: `npm could not download ${name} ${node.version}; check the network and run the same command again.`,
  });
  rmSync(home, { recursive: true, force: true });
  renameSync(join(fresh, "node_modules", name), home);
  rmSync(fresh, { recursive: true, force: true });
  stamp(complete, keyOf(node));
}
