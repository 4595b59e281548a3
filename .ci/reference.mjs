// npm run reference: writes web/reference from the comments in web/src.

import { rmSync } from "node:fs";

import { Failure, guarded } from "./base/failure.mjs";
import { fromRoot } from "./base/paths.mjs";
import { writeReference } from "./build/reference.mjs";

await guarded(async () => {
  const folder = fromRoot("web", "reference");
  rmSync(folder, { recursive: true, force: true });
  const missing = await writeReference(folder);
  if (missing.length > 0) throw new Failure(`these have no comment: ${missing.join(", ")}.`);
});
