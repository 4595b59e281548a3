// npm run build: everything that is published into dist/, the lab into build/lab, then the sizes against their budgets.

import { guarded } from "./base/failure.mjs";
import { build } from "./build/steps.mjs";
import { setUp } from "./setup/steps.mjs";

await guarded(async () => {
  const environment = await setUp("build");
  await build(environment, { sizes: true });
});
