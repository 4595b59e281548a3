// README.md and the guides are true: their code runs, their links lead somewhere, the table is what the study measures.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

import { filesBelow } from "../../.ci/base/files.mjs";
import { asMarkdown, measure } from "../studies/estimators.mjs";

const root = resolve(dirname(fileURLToPath(import.meta.url)), "../..");
const readme = readFileSync(join(root, "README.md"), "utf8");
const guides = readdirSync(join(root, "web/guides")).map((name) => `web/guides/${name}`);
const references = filesBelow(join(root, "web/reference")).map((file) => relative(root, file));
const blocksOf = (page) => [...readFileSync(join(root, page), "utf8").matchAll(/```(\w*)\n([\s\S]*?)```/g)];
const pages = ["README.md", "CONTRIBUTING.md", "cpp/README.md", "cpp/theory/README.md", "web/README.md"].concat([
  "web/lab/README.md",
  "tests/README.md",
  "bench/README.md",
  "cpp/simulate/README.md",
  ...guides,
]);

test("README.md and every guide have code blocks", () => {
  for (const page of ["README.md", ...guides.filter((name) => !name.endsWith("README.md"))])
    assert.ok(blocksOf(page).length >= 2, page);
});

test("guides have no code that is not run", () => {
  for (const page of guides) for (const [, language] of blocksOf(page)) assert.equal(language, "ts", page);
});

const runnable = ["README.md", ...guides].flatMap((page) =>
  blocksOf(page).flatMap(([, language, block], i) => (language === "ts" ? [[page, i, block]] : [])),
);
for (const [page, i, block] of runnable) {
  test(`code block ${i + 1} of ${page} runs`, () => {
    // Beside package.json, so that "heed" resolves to this package; in TypeScript's subset that is JavaScript.
    const folder = mkdtempSync(join(root, "build", "readme-"));
    try {
      const file = join(folder, "example.mjs");
      writeFileSync(file, block);
      const printed = execFileSync(process.execPath, [file], { cwd: root, encoding: "utf8", timeout: 60_000 });
      assert.notEqual(printed, "");
      assert.doesNotMatch(printed, /false|NaN|undefined/);
      for (const [, expected] of block.matchAll(/console\.log\(.*\); \/\/ (.*?):/g))
        assert.ok(printed.includes(expected));
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}

for (const [title, linking] of [...pages.map((page) => [page, [page]]), ["web/reference", references]]) {
  test(`links of ${title} lead somewhere`, () => {
    for (const page of linking) leadSomewhere(page);
  });
}

function leadSomewhere(page) {
  const text = readFileSync(join(root, page), "utf8");
  for (const [, target] of text.matchAll(/\]\(([^)#\s]+)[^)]*\)/g)) {
    if (/^https?:/.test(target)) continue;
    assert.ok(existsSync(resolve(root, dirname(page), target)), `${page} links to ${target}, which does not exist`);
  }
}

test("the table of estimators is what the study measures, and keeps its promises", async () => {
  const rows = await measure();
  // To the last digit but one: variants round differently.
  const stated =
    readme
      .match(/\| layer \| k \|[\s\S]*?\n\n/)?.[0]
      .trim()
      .split("\n")
      .slice(2) ?? [];
  const measured = asMarkdown(rows).split("\n").slice(2);
  assert.equal(stated.length, measured.length);
  for (const [i, line] of measured.entries()) {
    const cells = (text) => text.split("|").slice(1, -1).map(Number);
    for (const [j, value] of cells(line).entries()) assert.ok(Math.abs(cells(stated[i])[j] - value) <= 0.002, line);
  }
  for (const row of rows) {
    assert.ok(row.compensated <= 0.7 * row.renormalized, `compensated, layer ${row.layer}, k ${row.k}`);
    assert.ok(row.linear <= 0.3 * row.renormalized, `linear, layer ${row.layer}, k ${row.k}`);
  }
  for (const layer of new Set(rows.map((row) => row.layer))) {
    const at = (k) => rows.find((row) => row.layer === layer && row.k === k);
    assert.ok(at(8).linear < at(64).renormalized, "8 keys with the line beat 64 without");
  }
});
