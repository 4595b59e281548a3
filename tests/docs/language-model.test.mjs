// What README.md says about the language model is what `heed eval` measured, and keeps its promises.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import { policyTable, rowsOf } from "../studies/language_model.mjs";

const readme = readFileSync(new URL("../../README.md", import.meta.url), "utf8");

test("the table of policies is that of the study", () => {
  assert.ok(readme.includes(policyTable()), "run node tests/studies/language_model.mjs and paste its table");
});

test("8 keys with the linear tail lose at most 0.015 nats a token on either novel", () => {
  const rows = rowsOf("loss").filter(
    ({ policy, estimator, n }) => policy === "k=8" && estimator === "linear" && n <= 4096,
  );
  assert.ok(rows.length >= 4);
  for (const { text, n, more } of rows) assert.ok(Number(more) <= 0.015, `${text} ${n}: ${more}`);
});

test("bytes cost at most 0.01 nats a token", () => {
  const rows = rowsOf("weights");
  assert.equal(rows.length, 4);
  for (const { more } of rows) assert.ok(Math.abs(Number(more)) <= 0.01);
});
