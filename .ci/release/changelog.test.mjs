// What becomes of the changelog when a version is made.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { fromRoot } from "../base/paths.mjs";
import { withRelease, withVersion } from "./changelog.mjs";

const entry = "## 0.2.0\n\n### Minor Changes\n\n- Tensors of other\n  libraries.\n\n";
const introduction = "All notable changes.\nOf this package.\n\n";

test("the entry follows the introduction, and takes over what was unreleased", () => {
  const left = `# Changelog\n\n${entry}${introduction}## Unreleased\n\n### Added\n\n- More.\n\n## 0.1.0\n\n- First.\n`;
  assert.equal(
    withRelease(left, "0.2.0"),
    `# Changelog\n\n${introduction}${entry}### Added\n\n- More.\n\n## 0.1.0\n\n- First.\n`,
  );
});

test("without an entry of its own a version has what was unreleased", () => {
  const left = `# Changelog\n\n${introduction}## Unreleased\n\n- More.\n`;
  assert.equal(withRelease(left, "0.1.1"), `# Changelog\n\n${introduction}## 0.1.1\n\n- More.\n`);
});

test("this repository's changelog keeps every line of its own", () => {
  const text = readFileSync(fromRoot("CHANGELOG.md"), "utf8");
  const released = withRelease(text.replace("\n", `\n\n${entry.trimEnd()}\n`), "0.2.0");
  for (const line of text.split("\n").filter((line) => line !== "## Unreleased"))
    assert.ok(released.includes(line), line);
  assert.ok(released.indexOf("## 0.2.0") > released.indexOf("semantic versioning"));
});

test("the sources say the new version, or the release stops", () => {
  assert.equal(withVersion('export const version = "0.1.0";\n', "0.2.0"), 'export const version = "0.2.0";\n');
  assert.throws(() => withVersion("nothing", "0.2.0"), /exports no version/);
});

/** Two files say how Changesets is called; they must call the same one. */
test("the pinned Changesets is the documented one", () => {
  const pin = /@changesets\/cli@(\d+\.\d+\.\d+)/g;
  const pins = [".ci/release.mjs", "CONTRIBUTING.md"].map((file) => {
    return [...readFileSync(fromRoot(file), "utf8").matchAll(pin)].map(([, version]) => version);
  });
  assert.ok(pins.every((found) => found.length > 0));
  assert.equal(new Set(pins.flat()).size, 1, String(pins));
});

test("only the job that runs none of our code may speak for us to the registry", () => {
  const workflow = readFileSync(fromRoot(".github", "workflows", "release.yml"), "utf8");
  const jobs = workflow.slice(workflow.indexOf("\njobs:\n")).split(/\n(?= {2}\w+:\n)/);
  const trusted = jobs.filter((job) => job.includes("id-token: write"));
  assert.equal(trusted.length, 1);
  assert.match(trusted[0], /npm publish --provenance --access public \.\/heed-\*\.tgz/);
  assert.doesNotMatch(trusted[0], /checkout|\.ci\/|npm (ci|run|test)/);
  const packing = jobs.find((job) => job.includes("npm pack"));
  assert.ok(packing.indexOf(".ci/run") < packing.indexOf("npm pack"), "what is packed was tested");
});
