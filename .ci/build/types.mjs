// The declarations of web/src, into dist/types.

import { existsSync, rmSync } from "node:fs";

import { digestOf } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";
import { run } from "../base/process.mjs";
import { isStamped, keyOf, stamp } from "../base/stamp.mjs";

const project = fromRoot(".ci", "build", "tsconfig.types.json");
const emitted = fromRoot("build", "stamps", "types");

export async function emitTypes(environment) {
  const key = keyOf([digestOf(fromRoot("web", "src"), fromRoot("tsconfig.json"), project)]);
  if (isStamped(emitted, key) && existsSync(fromRoot("dist", "types"))) return false;
  rmSync(fromRoot("dist", "types"), { recursive: true, force: true });
  await run("node", [fromRoot("node_modules", "typescript", "bin", "tsc"), "--project", project], {
    env: environment,
    log: fromRoot("build", "logs", "types.log"),
    lines: 60,
    otherwise: "web/src does not type-check.",
  });
  stamp(emitted, key);
  return true;
}
