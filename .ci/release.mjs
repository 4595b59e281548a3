// npm run release: from the changesets in .changeset/ to a version, its changelog entry, and every place that says the
// version. It publishes nothing: .github/workflows/release.yml does, when the result is on the main branch.

import { existsSync, readFileSync, writeFileSync } from "node:fs";

import { Failure, guarded } from "./base/failure.mjs";
import { fromRoot } from "./base/paths.mjs";
import { run } from "./base/process.mjs";
import { withRelease, withVersion } from "./release/changelog.mjs";

const changesets = "@changesets/cli@3.0.3";
const versionOf = () => JSON.parse(readFileSync(fromRoot("package.json"), "utf8")).version;

function rewrite(parts, change) {
  const file = fromRoot(...parts);
  if (existsSync(file)) writeFileSync(file, change(readFileSync(file, "utf8")));
}

await guarded(async () => {
  const before = versionOf();
  await run("npx", ["--yes", changesets, "version"], { otherwise: "Changesets made no version; see above." });
  const version = versionOf();
  if (version === before) {
    throw new Failure(`there is nothing to release after ${before}; describe a change with "npx ${changesets}".`);
  }
  rewrite(["CHANGELOG.md"], (text) => withRelease(text, version));
  rewrite(["web", "src", "version.ts"], (source) => withVersion(source, version));
  await run("npm", ["install", "--package-lock-only", "--ignore-scripts"], {
    otherwise: "npm could not write the version into package-lock.json.",
  });
  console.log(`heed ${version}: review and commit what has changed.`);
});
