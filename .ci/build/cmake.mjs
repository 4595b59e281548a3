// Configures (when needed) and builds one CMake preset. Ninja does the rest incrementally.

import { existsSync, rmSync } from "node:fs";

import { digestOf } from "../base/files.mjs";
import { fromRoot } from "../base/paths.mjs";
import { run } from "../base/process.mjs";
import { isStamped, keyOf, stamp } from "../base/stamp.mjs";

export async function buildPreset(preset, environment) {
  const folder = fromRoot("build", preset);
  const configured = fromRoot("build", "stamps", preset);
  const { HEED_EMSCRIPTEN, XSIMD_INCLUDE } = environment;
  const key = keyOf([digestOf(fromRoot("CMakePresets.json")), HEED_EMSCRIPTEN, XSIMD_INCLUDE, folder]);
  if (!isStamped(configured, key) || !existsSync(`${folder}/build.ninja`)) {
    rmSync(folder, { recursive: true, force: true });
    await run("cmake", ["--preset", preset], {
      env: environment,
      log: fromRoot("build", "logs", `${preset}.configure.log`),
      lines: 20,
      otherwise: `CMake could not configure the preset ${preset}.`,
    });
    stamp(configured, key);
  }
  await run("cmake", ["--build", "--preset", preset], {
    env: environment,
    log: fromRoot("build", "logs", `${preset}.log`),
    lines: 60,
    otherwise: `the preset ${preset} did not build.`,
  });
}
