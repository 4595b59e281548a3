// Counts of one runner, read from its machine-readable report; never from what it prints for people.

import { existsSync, readFileSync } from "node:fs";

/** @typedef {{ passed: number, failed: number, skipped: number }} Counts */

export const none = () => ({ passed: 0, failed: 0, skipped: 0 });

export const sum = (all) =>
  all.reduce(
    (a, b) => ({ passed: a.passed + b.passed, failed: a.failed + b.failed, skipped: a.skipped + b.skipped }),
    none(),
  );

/** GoogleTest's --gtest_output=json. A program that wrote none has crashed: one failure. */
export function googleTestCounts(file) {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
  const counts = none();
  for (const suite of JSON.parse(readFileSync(file, "utf8")).testsuites) {
    for (const test of suite.testsuite) {
      if (test.failures?.length > 0) ++counts.failed;
      else if (test.result === "SKIPPED" || test.status === "NOTRUN") ++counts.skipped;
      else ++counts.passed;
    }
  }
  return counts;
}

/** node --test with the TAP reporter: its closing lines. */
export function tapCounts(file) {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
  const text = readFileSync(file, "utf8");
  const closing = (word) => Number(new RegExp(`^# ${word} (\\d+)$`, "m").exec(text)?.[1] ?? 0);
  return {
    passed: closing("pass"),
    failed: closing("fail") + closing("cancelled"),
    skipped: closing("skipped") + closing("todo"),
  };
}

/** Vitest's JSON reporter. A test file that did not even load counts as one failure. */
export function vitestCounts(file) {
  if (!existsSync(file)) return { passed: 0, failed: 1, skipped: 0 };
  const report = JSON.parse(readFileSync(file, "utf8"));
  const broken = report.testResults.filter(
    ({ status, assertionResults }) => status === "failed" && assertionResults.every((test) => test.status !== "failed"),
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + broken.length,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}
