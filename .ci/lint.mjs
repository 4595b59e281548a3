// npm run lint: formatting, lint rules, strict types and layer rules.
//
//   npm run lint -- --fix    formats instead of complaining about format
//   npm run lint -- --tidy   adds clang-tidy, which takes minutes

import { Failure, guarded } from "./base/failure.mjs";
import { filesBelow } from "./base/files.mjs";
import { fromRoot } from "./base/paths.mjs";
import { status } from "./base/process.mjs";
import { buildPreset } from "./build/cmake.mjs";
import { bundle } from "./build/bundle.mjs";
import { emitTypes } from "./build/types.mjs";
import { setUp } from "./setup/steps.mjs";

const bin = (...parts) => fromRoot("node_modules", ...parts);
const below = (folders, pattern) =>
  folders.flatMap((name) => filesBelow(fromRoot(name))).filter((file) => pattern.test(file));

await guarded(async () => {
  const environment = await setUp("lint");
  // Tests and lab import the package by its name, so its declarations have to exist.
  await bundle();
  await emitTypes(environment);

  const fix = process.argv.includes("--fix");
  const cpp = below(["cpp", "tests", "bench"], /\.[ch]pp$/);
  const checks = [
    [
      "prettier",
      "node",
      [bin("prettier", "bin", "prettier.cjs"), fix ? "--write" : "--check", "--log-level", "warn", "."],
    ],
    ["eslint", "node", [bin("eslint", "bin", "eslint.js"), "--max-warnings", "0", ...(fix ? ["--fix"] : []), "."]],
    ["types", "node", [bin("typescript", "bin", "tsc"), "--noEmit"]],
    ["layer rules", "node", ["--test", "--test-reporter=dot", ...below(["tests/layers"], /\.test\.mjs$/)]],
    ...(cpp.length > 0
      ? [["clang-format", "clang-format-19", fix ? ["-i", ...cpp] : ["--dry-run", "-Werror", ...cpp]]]
      : []),
  ];
  if (process.argv.includes("--tidy")) {
    await buildPreset("native", environment);
    const sources = below(["cpp"], /\.cpp$/).filter((file) => !file.includes("/bindings/"));
    checks.push(["clang-tidy", "clang-tidy-19", ["-p", fromRoot("build", "native"), "--quiet", ...sources]]);
  }

  const failed = [];
  for (const [name, command, args] of checks) {
    console.log(`${name} ...`);
    if ((await status(command, args, { env: environment })) !== 0) failed.push(name);
  }
  if (failed.length > 0) throw new Failure(`lint found something in: ${failed.join(", ")}; see above.`);
  console.log("lint found nothing");
});
