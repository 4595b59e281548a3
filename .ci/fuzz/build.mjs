// What is fuzzed: libFuzzer programs by CMake, and the targets in TypeScript as bundles beside a built package.

import { rmSync } from "node:fs";

import { fromRoot } from "../base/paths.mjs";
import { step } from "../base/step.mjs";
import { buildPreset } from "../build/cmake.mjs";

const bundled = (name) => fromRoot("build", "fuzz-web", `${name}.js`);

async function bundleTargets(names) {
  rmSync(fromRoot("build", "fuzz-web"), { recursive: true, force: true });
  const { rolldown } = await import("rolldown");
  const build = await rolldown({
    input: Object.fromEntries(names.map((name) => [name, fromRoot("tests", "fuzz", "web", `${name}.ts`)])),
    cwd: fromRoot(),
    platform: "node",
    // The package is what is fuzzed, as it lies in dist.
    external: (id) => id === "heed" || id.startsWith("heed/"),
  });
  await build.write({ dir: fromRoot("build", "fuzz-web"), format: "esm", entryFileNames: "[name].js" });
  await build.close();
}

/** Builds what the chosen targets need. The package itself must have been built for those of kind `web`. */
export async function buildTargets(chosen, environment) {
  if (chosen.some(({ kind }) => kind === "native")) {
    await step("fuzz targets", "native, with sanitizers", () => buildPreset("fuzz", environment));
  }
  const web = chosen.filter(({ kind }) => kind === "web").map(({ name }) => name);
  if (web.length > 0) await bundleTargets(web);
}

/** Program and first arguments that start a target. */
export function commandOf({ name, kind }) {
  if (kind === "native") return [fromRoot("build", "fuzz", "tests", "fuzz", `fuzz_${name.replaceAll("-", "_")}`)];
  return ["node", bundled(name)];
}
