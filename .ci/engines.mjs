// npm run engines: the whole suite in every engine, and the table of tests/README.md from what these runs reported.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { performance } from "node:perf_hooks";

import { Failure, guarded } from "./base/failure.mjs";
import { fromRoot } from "./base/paths.mjs";
import { output } from "./base/process.mjs";
import { finished } from "./base/step.mjs";
import { build } from "./build/steps.mjs";
import { setUp } from "./setup/steps.mjs";
import { engineTable, withTable } from "./test/engine-table.mjs";
import { runners } from "./test/runners.mjs";

const versionIn = (text) => /\d+(\.\d+)+/.exec(text ?? "")?.[0] ?? "unknown";
const versionOf = (program) => versionIn(output(program, ["--version"]));
// Its programs do not say.
const webkitVersion = () =>
  versionIn(output("dpkg-query", ["--show", "--showformat", "${Version}", "webkit2gtk-driver"]));

const engines = {
  chromium: ["Chromium", () => versionOf(process.env.HEED_CHROMIUM ?? "chromium")],
  firefox: ["Firefox ESR", () => versionOf(process.env.HEED_FIREFOX ?? "firefox-esr")],
  webkit: ["WebKitGTK", webkitVersion],
  "webkit-fast": ["WebKitGTK, switched", webkitVersion],
};

await guarded(async () => {
  const environment = await setUp("test", "webkit");
  mkdirSync(fromRoot("build", "reports"), { recursive: true });
  await build(environment, { lab: false });

  const runs = [];
  for (const [name, [engine, version]] of Object.entries(engines)) {
    const runner = runners.find((one) => one.name === name);
    console.log(`\n${name}: ${runner.what} ...`);
    const start = performance.now();
    const counts = await runner.run(environment);
    const seconds = (performance.now() - start) / 1000;
    console.log(finished(name, start));
    const file = fromRoot("build", "reports", `vitest-${name}.json`);
    const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : { testResults: [] };
    runs.push({ engine, version: version(), report, counts, seconds });
  }
  const table = engineTable(runs);
  console.log(`\n${table}`);
  const failed = runs.filter(({ counts }) => counts.failed > 0 || counts.passed === 0).map(({ engine }) => engine);
  if (failed.length > 0) throw new Failure(`not green: ${failed.join(", ")}; tests/README.md stays as it was.`);
  const page = fromRoot("tests", "README.md");
  writeFileSync(page, withTable(readFileSync(page, "utf8"), table));
});
