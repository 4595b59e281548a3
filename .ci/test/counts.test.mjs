// Reading the reports of the runners: a crash, an empty run and a failure must never look like success.

import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after } from "node:test";

import { googleTestCounts, sum, tapCounts, vitestCounts } from "./counts.mjs";

const folder = mkdtempSync(join(tmpdir(), "heed-counts-"));
after(() => rmSync(folder, { recursive: true }));

const file = (name, content) => {
  const path = join(folder, name);
  writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content));
  return path;
};

test("GoogleTest: passed, failed, skipped, disabled", () => {
  const testsuite = [
    { status: "RUN", result: "COMPLETED" },
    { status: "RUN", result: "COMPLETED", failures: [{ failure: "no" }] },
    { status: "RUN", result: "SKIPPED" },
    { status: "NOTRUN", result: "SUPPRESSED" },
  ];
  const report = file("google.json", { testsuites: [{ testsuite }] });
  assert.deepEqual(googleTestCounts(report), { passed: 1, failed: 1, skipped: 2 });
});

test("node:test: the closing lines of TAP", () => {
  const report = file("a.tap", "TAP version 13\n# tests 6\n# pass 3\n# fail 1\n# cancelled 1\n# skipped 1\n# todo 0\n");
  assert.deepEqual(tapCounts(report), { passed: 3, failed: 2, skipped: 1 });
});

test("Vitest: a file that did not load is a failure", () => {
  const report = file("vitest.json", {
    numPassedTests: 2,
    numFailedTests: 1,
    numPendingTests: 1,
    numTodoTests: 0,
    testResults: [
      { status: "failed", assertionResults: [{ status: "failed" }] },
      { status: "failed", assertionResults: [] },
      { status: "passed", assertionResults: [{ status: "passed" }] },
    ],
  });
  assert.deepEqual(vitestCounts(report), { passed: 2, failed: 2, skipped: 1 });
});

test("a missing report is a failure", () => {
  for (const counts of [googleTestCounts, tapCounts, vitestCounts]) {
    assert.deepEqual(counts(join(folder, "absent")), { passed: 0, failed: 1, skipped: 0 });
  }
});

test("counts add up", () => {
  const all = [
    { passed: 1, failed: 0, skipped: 2 },
    { passed: 3, failed: 1, skipped: 0 },
  ];
  assert.deepEqual(sum(all), { passed: 4, failed: 1, skipped: 2 });
});
