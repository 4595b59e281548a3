// E22: how fast is a search, and from which n on does it win?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of } from "../tables.mjs";

const lengths = "n=1024,2048,4096,8192,16384,32768,65536";
// On one thread: the methods cut their work differently, and 64 rows are few.
const alone = "--threads=1";
const tables = {
  "E22-gaussian-64": ["E22", lengths, "keep=64", "exponent=0.5", alone],
  "E22-gaussian-128": ["E22", lengths, "d=128", "keep=64", alone],
  "E22-stationary-64": ["E22", lengths, "input=stationary", "strength=0.999", "weights=identity", "keep=64", alone],
};
const methods = ["dense", "scan", "quickselect", "heap", "radix", "pages", "int8"];

/** The least n from which on a method is never slower than dense attention. */
export function breakEven(rows, method) {
  const slower = rows.filter((row) => row.method === method && row.speedup < 1).map(({ n }) => n);
  return rows.find((row) => row.method === method && row.n > Math.max(0, ...slower))?.n;
}

function sane(rows) {
  for (const row of rows) {
    assert.ok(row.nanoseconds > 0 && row.scored > 0, JSON.stringify(row));
    if (row.method === "dense") assert.equal(row.speedup, 1);
  }
}

export default {
  id: "E22",
  tables,
  quick: [{ args: ["n=1024,2048", "rows=32", "repeats=2"], holds: sane }],
  claims: {
    "every method finds the same sets, and pages score few keys where neighbors resemble each other": () => {
      for (const name of Object.keys(tables)) sane(of(name));
      const scored = (name) => of(name, { n: 16384, method: "pages", k: 64 })[0].scored;
      assert.ok(scored("E22-stationary-64") < scored("E22-gaussian-64"));
    },
  },
  figures: {
    E22: () => ({
      title: "Time of exact attention over the time of a search, k = 64",
      x: { label: "n", scale: "log", base: 2 },
      y: { label: "speed-up over dense", scale: "log", from: 0.05, to: 20 },
      panels: Object.keys(tables).map((name) => ({
        title: name.slice(4).replace("-", ", d = "),
        lines: methods.map((method) => line(method, of(name, { method, k: 64, rule: "constant" }), "n", "speedup")),
      })),
    }),
  },
};
