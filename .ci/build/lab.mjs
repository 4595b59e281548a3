// The lab as static files, into build/lab. Not part of the package.

import { existsSync } from "node:fs";

import { digestOf } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";
import { run } from "../base/process.mjs";
import { isStamped, keyOf, stamp } from "../base/stamp.mjs";

const built = fromRoot("build", "stamps", "lab");
export const vite = fromRoot("node_modules", "vite", "bin", "vite.js");
export const labFolder = fromRoot("web", "lab");
export const labConfiguration = fromRoot("web", "lab", "vite.config.ts");
/** The benchmark page is made of these, and of the peers where somebody has installed them. */
const benchFolders = ["harness", "peers"].map((name) => fromRoot("bench", name));
const peersInstalled = fromRoot("bench", "node_modules", ".package-lock.json");

export async function buildLab(environment) {
  if (!existsSync(labConfiguration)) return false;
  const sources = [labFolder, ...benchFolders, fromRoot("dist")];
  const key = keyOf([digestOf(...sources), digestOf(fromRoot("package-lock.json"), peersInstalled)]);
  if (isStamped(built, key) && existsSync(fromRoot("build", "lab", "index.html"))) return false;
  await run("node", [vite, "build", labFolder, "--config", labConfiguration, "--logLevel", "warn"], {
    env: environment,
    log: fromRoot("build", "logs", "lab.log"),
    lines: 60,
    otherwise: "the lab did not build.",
  });
  stamp(built, key);
  return true;
}
