// The table of engines says what ran, and why something did not.

import assert from "node:assert/strict";
import test from "node:test";

import { engineTable, withTable } from "./engine-table.mjs";

const started = { variant: "simd", threads: 1, reason: "no such thing" };
const report = {
  testResults: [
    { assertionResults: [{ status: "passed", meta: { started } }] },
    {
      assertionResults: [
        { status: "skipped", meta: { lacks: "memory" } },
        { status: "skipped", meta: { lacks: "memory" } },
        { status: "pending", meta: {} },
      ],
    },
  ],
};
const run = { engine: "E", version: "1.2", report, counts: { passed: 1, failed: 0, skipped: 3 }, seconds: 61.4 };

test("a line has what started, the counts, and the reason of each test that was skipped", () => {
  const line = engineTable([run]).split("\n").at(-1);
  const cells = ["E", "1.2", "`simd`", "1 (no such thing)", "1", "0", "3 (2: no memory, 1: no reason given)", "61"];
  assert.equal(line, `| ${cells.join(" | ")} |`);
});

test("an engine that did not start has no variant", () => {
  const dead = { ...run, report: { testResults: [] }, counts: { passed: 0, failed: 1, skipped: 0 } };
  assert.match(engineTable([dead]), /\| E \| 1\.2 \| - \| - \| 0 \| 1 \| 0 \|/);
});

test("the table replaces the one between the marks, and needs them", () => {
  const page = "a\n<!-- npm run engines writes: -->\nold\n<!-- until here -->\nb\n";
  assert.equal(withTable(page, "new"), page.replace("old", "new"));
  assert.throws(() => withTable("a page", "new"), /no marks/);
});
