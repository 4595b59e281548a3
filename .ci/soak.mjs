// npm run soak [-- --minutes=N --seed=N]: hard use for so long (default 5 minutes), in Node 24; tests/README.md.

import { Failure, guarded } from "./base/failure.mjs";
import { fromRoot } from "./base/paths.mjs";
import { run } from "./base/process.mjs";
import { build } from "./build/steps.mjs";
import { setUp } from "./setup/steps.mjs";

function settingsOf(args) {
  const settings = { minutes: 5, seed: 1 };
  for (const argument of args) {
    const [, name, value] = /^--(\w+)=(.+)$/.exec(argument) ?? [];
    if (!(name in settings)) throw new Failure(`unknown argument "${argument}"; --minutes and --seed.`);
    if (!(Number(value) > 0)) throw new Failure(`--${name} is ${value}; a number greater than 0 is needed.`);
    settings[name] = Number(value);
  }
  return settings;
}

await guarded(async () => {
  const { minutes, seed } = settingsOf(process.argv.slice(2));
  const environment = await setUp("test");
  await build(environment, { lab: false });
  const { rolldown } = await import("rolldown");
  const bundle = await rolldown({
    input: fromRoot("tests", "soak", "soak.ts"),
    platform: "node",
    external: (id) => id === "heed" || id.startsWith("heed/"),
  });
  await bundle.write({ file: fromRoot("build", "soak", "soak.js"), format: "esm" });
  await bundle.close();
  const program = ["--expose-gc", fromRoot("build", "soak", "soak.js"), String(minutes), String(seed)];
  await run("node", program, { env: environment, otherwise: "something did not hold; see above." });
});
