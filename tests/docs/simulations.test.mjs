// The pages of cpp/simulate/results are true: every table they read was made by the command in its first line, says what
// the pages say, and is what the figures draw. The tables are not made again here; `node tests/studies/simulations.mjs`
// does that.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

import { figuresOf, protocols, tables } from "../studies/simulations.mjs";
import { commandOf, fileOf, read } from "../studies/tables.mjs";

const folder = new URL("../../cpp/simulate/", import.meta.url);
const text = (name) => readFileSync(new URL(name, folder), "utf8");

for (const [name, args] of Object.entries(tables)) {
  test(`${name} names the command that made it`, () => {
    assert.equal(readFileSync(fileOf(name), "utf8").split("\n", 1)[0], commandOf(args));
    const rows = read(name);
    assert.ok(rows.length > 0);
    for (const row of rows) if ("violations" in row) assert.equal(row.violations, 0);
  });
}

test("every table belongs to a protocol", () => {
  // E21 is no simulation: `heed eval` makes its tables, and language-model.test.mjs reads them.
  const files = readdirSync(new URL("../studies/results/", import.meta.url)).filter(
    (name) => name.endsWith(".csv") && !name.startsWith("E21-"),
  );
  assert.deepEqual(
    files.sort(),
    Object.keys(tables)
      .map((name) => `${name}.csv`)
      .sort(),
  );
});

for (const { id, claims, quick } of protocols) {
  for (const [claim, holds] of Object.entries(claims)) test(`${id}: ${claim}`, holds);

  test(`${id} has a page that names its parts, its tables and how to make them again`, () => {
    const page = text(`results/${id}.md`);
    for (const part of ["## Question", "## Set-up", "## What holds", "## What fails", "## How sure"]) {
      assert.ok(page.includes(`${part}\n`), part);
    }
    assert.ok(page.includes(`node tests/studies/simulations.mjs ${id}`));
    assert.ok(text("README.md").includes(`[${id}](results/${id}.md)`));
    assert.ok(quick.length > 0);
  });
}

test("figures are drawn from the tables that stand, and a page shows each", () => {
  const drawn = figuresOf(protocols);
  for (const [name, svg] of drawn) {
    assert.ok(existsSync(new URL(`results/${name}`, folder)), name);
    assert.equal(text(`results/${name}`), svg, `${name}: node tests/studies/simulations.mjs --figures draws it again`);
    assert.ok(text(`results/${name.split(/[-.]/)[0]}.md`).includes(`](${name})`), name);
    assert.doesNotMatch(svg, /NaN|undefined/, name);
  }
  assert.ok(protocols.every(({ figures }) => Object.keys(figures).length > 0));
});
