// web/reference is what the comments in web/src say today, and nothing that is exported lacks one.

import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { test } from "node:test";

import { filesBelow } from "../../.ci/base/files.mjs";
import { fromRoot } from "../../.ci/base/paths.mjs";
import { writeReference } from "../../.ci/build/reference.mjs";

const committed = fromRoot("web", "reference");
const pages = (folder) =>
  filesBelow(folder)
    .map((file) => relative(folder, file))
    .sort();

test("every exported name and its members have a comment, and the reference says what they say", async () => {
  const fresh = mkdtempSync(fromRoot("build", "reference-"));
  try {
    assert.deepEqual(await writeReference(fresh), [], "these have no comment");
    assert.deepEqual(pages(committed), pages(fresh), "run npm run reference");
    for (const page of pages(fresh)) {
      const stale = `web/reference/${page} is not what web/src says; run npm run reference`;
      assert.equal(readFileSync(join(committed, page), "utf8"), readFileSync(join(fresh, page), "utf8"), stale);
    }
  } finally {
    rmSync(fresh, { recursive: true });
  }
});
