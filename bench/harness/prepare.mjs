// From a clone to something that can be measured: Node 24 and the compiler, dist/, the browser, the peers. Each only
// when the run needs it and it is not there.

import { existsSync, readFileSync } from "node:fs";

import { run } from "../../.ci/base/process.mjs";
import { isStamped, keyOf, stamp } from "../../.ci/base/stamp.mjs";
import { step } from "../../.ci/base/step.mjs";
import { build } from "../../.ci/build/steps.mjs";
import { setUp } from "../../.ci/setup/steps.mjs";
import { fromBench, fromRoot } from "./places.mjs";

const complete = fromBench("node_modules", ".heed-complete");
const lockKey = () => keyOf([readFileSync(fromBench("package-lock.json"), "utf8"), process.platform, process.arch]);

export const peersAreThere = () => existsSync(complete) && isStamped(complete, lockKey());

async function installPeers(environment) {
  await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: fromBench(),
    env: environment,
    log: fromRoot("build", "logs", "bench-npm.log"),
    otherwise:
      "npm could not install the peers of bench/package-lock.json; check the network, or measure heed alone with " +
      "--no-peers.",
  });
  stamp(complete, lockKey());
}

/** Returns the environment in which the measuring is done: its PATH begins with the Node of the tools. */
export async function prepare({ engines, needsPeers }) {
  // The browser comes with what the tests need.
  const environment = await setUp(engines.includes("chromium") ? "test" : "build");
  await build(environment, { lab: false });
  if (needsPeers && !peersAreThere()) {
    await step("peers", "about 250 MB into bench/node_modules", () => installPeers(environment));
  }
  return environment;
}
