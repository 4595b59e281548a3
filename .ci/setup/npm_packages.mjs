// The npm packages of package-lock.json, in node_modules. The stamp lies inside node_modules, so whoever empties or
// reinstalls that folder removes the stamp with it.

import { existsSync, readFileSync } from "node:fs";

import { fromRoot, fromToolchain } from "../base/paths.mjs";
import { run } from "../base/process.mjs";
import { isStamped, keyOf, stamp } from "../base/stamp.mjs";

const complete = fromRoot("node_modules", ".heed-complete");
const key = () => keyOf([readFileSync(fromRoot("package-lock.json"), "utf8"), process.platform, process.arch]);

export const packagesAreReady = () => isStamped(complete, key()) && existsSync(fromRoot("node_modules", ".bin"));

export async function installNpmPackages() {
  await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    log: fromToolchain("logs", "npm.log"),
    otherwise:
      "npm could not install the packages of package-lock.json; check the network and run the same command again.",
  });
  stamp(complete, key());
}
