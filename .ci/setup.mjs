// npm run setup [-- build|test|lint|webkit|all]: installs what these commands need, and says how long it took.

import { performance } from "node:perf_hooks";

import { guarded } from "./base/failure.mjs";
import { finished } from "./base/step.mjs";
import { setUp } from "./setup/steps.mjs";

await guarded(async () => {
  const start = performance.now();
  await setUp(process.argv[2] ?? "all");
  console.log(finished("set-up ready", start));
});
