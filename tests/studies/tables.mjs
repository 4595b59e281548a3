// The committed tables of results/, read as objects.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export const fileOf = (name) => fileURLToPath(new URL(`results/${name}.csv`, import.meta.url));

/** Rows of a sweep's CSV: numbers are numbers, an empty cell is NaN. */
export function rowsOf(csv) {
  const [head, ...lines] = csv.trimEnd().split("\n");
  const columns = head.split(",");
  const cell = (text) => (text === "" ? Number.NaN : Number.isNaN(Number(text)) ? text : Number(text));
  return lines.map((line) => Object.fromEntries(line.split(",").map((text, i) => [columns[i], cell(text)])));
}

/** Arguments of `heed` for a protocol and its settings, NAME=VALUE or an option of its own. */
export const argumentsOf = ([id, ...settings]) => [
  "sweep",
  id,
  ...settings.flatMap((setting) => (setting.startsWith("--") ? [setting] : ["--set", setting])),
];

/** The first line of a table, which is the command that made it. */
export const commandOf = (sweep) => `# heed ${argumentsOf(sweep).join(" ")}`;

/** One table as objects. */
export function read(name) {
  const text = readFileSync(fileOf(name), "utf8");
  return rowsOf(text.slice(text.indexOf("\n") + 1));
}

/** Rows of a table whose columns have these values. */
export const of = (name, wanted = {}) => select(read(name), wanted);
export const select = (rows, wanted) =>
  rows.filter((row) => Object.entries(wanted).every(([column, value]) => row[column] === value));

/** The one row of a table whose columns have these values. */
export function one(name, wanted) {
  const rows = of(name, wanted);
  assert.equal(rows.length, 1, `${name} ${JSON.stringify(wanted)}`);
  return rows[0];
}

/** `actual` is within a share of `expected`. */
export const near = (actual, expected, share, what) =>
  assert.ok(Math.abs(actual - expected) <= share * Math.abs(expected), `${what}: ${actual}, not ${expected}`);
