// The whole build: modules, glue, bundles, declarations, and the lab where wanted. Everything into dist and build.

import { exclusively } from "../base/lock.mjs";
import { step } from "../base/step.mjs";
import { bundle } from "./bundle.mjs";
import { buildPreset } from "./cmake.mjs";
import { publishGlue, removeOtherGlue } from "./glue.mjs";
import { packInline } from "./inline.mjs";
import { buildLab } from "./lab.mjs";
import { reportSizes } from "./sizes.mjs";
import { emitTypes } from "./types.mjs";
import { variants } from "./variants.mjs";

export function build(environment, { lab = true, sizes = false } = {}) {
  return exclusively("build", async () => {
    for (const variant of variants) {
      await step(`wasm ${variant}`, "compile and link", async () => {
        await buildPreset(`wasm-${variant}`, environment);
        const kernels = Object.entries(await publishGlue(variant)).map(([module, count]) => `${module} ${count}`);
        console.log(`  kernels kept as functions: ${kernels.join(", ")}`);
      });
    }
    removeOtherGlue(variants);
    await step("TypeScript", "bundle and declarations", async () => {
      await bundle();
      await packInline();
      await emitTypes(environment);
    });
    if (lab) await step("lab", "static page", () => buildLab(environment));
    if (sizes) reportSizes();
  });
}
