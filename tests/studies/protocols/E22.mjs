// E22: how fast is a search, and from which n on does it win?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of, select } from "../tables.mjs";

const lengths = "n=1024,2048,4096,8192,16384,32768,65536";
// On one thread: the methods cut their work differently, and 64 rows are few.
const alone = "--threads=1";
const policies = ["n=1024,4096,16384,65536", "keep=8,512", "exponent=0.25,0.75", "repeats=3", alone];
const tables = {
  "E22-gaussian-64": ["E22", lengths, "keep=64", "exponent=0.5", alone],
  "E22-gaussian-128": ["E22", lengths, "d=128", "keep=64", "exponent=0.5", alone],
  "E22-stationary-64": [
    "E22",
    lengths,
    "input=stationary",
    "strength=0.999",
    "weights=identity",
    "keep=64",
    "exponent=0.5",
    alone,
  ],
  // The other policies: few and many entries, and three powers of n.
  "E22-policies-64": ["E22", ...policies],
  "E22-policies-128": ["E22", "d=128", ...policies],
  "E22-policies-stationary-64": ["E22", "input=stationary", "strength=0.999", "weights=identity", ...policies],
};
const methods = ["dense", "scan", "quickselect", "heap", "radix", "pages", "int8"];

/** The least n from which on a method is never slower than dense attention. */
export function breakEven(rows, method) {
  const slower = rows.filter((row) => row.method === method && row.speedup < 1).map(({ n }) => n);
  return rows.find((row) => row.method === method && row.n > Math.max(0, ...slower))?.n;
}

/** What is in the figures: a name, the table of k = 64 and sqrt(n), that of the other policies. */
const inputs = [
  ["Gaussian, d = 64", "E22-gaussian-64", "E22-policies-64"],
  ["Gaussian, d = 128", "E22-gaussian-128", "E22-policies-128"],
  ["slow text, d = 64", "E22-stationary-64", "E22-policies-stationary-64"],
];
const rules = [
  ["8", { rule: "constant", value: 8 }],
  ["64", { rule: "constant", value: 64 }],
  ["512", { rule: "constant", value: 512 }],
  ["n^0.25", { rule: "power", value: 0.25 }],
  ["n^0.5", { rule: "power", value: 0.5 }],
  ["n^0.75", { rule: "power", value: 0.75 }],
];
const searches = ["scan", "quickselect", "heap", "radix", "pages", "int8"];

/** Lines of the page's table: from which n on each method is as fast as exact attention, for every policy. */
export const breakEvens = () =>
  inputs.flatMap(([name, main, others]) =>
    rules.map(([k, rule]) => {
      const rows = select([...of(main), ...of(others)], rule);
      return `| ${name} | ${k} | ${searches.map((method) => breakEven(rows, method) ?? "never").join(" | ")} |`;
    }),
  );

function sane(rows) {
  for (const row of rows) {
    assert.ok(row.nanoseconds > 0 && row.scored > 0, JSON.stringify(row));
    assert.ok(row.speedupLeast <= row.speedupMost, JSON.stringify(row));
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
    "the page's break-even table is that of the tables": async () => {
      const { readFileSync } = await import("node:fs");
      const page = readFileSync(new URL("../../../cpp/simulate/results/E22.md", import.meta.url), "utf8");
      for (const each of breakEvens()) assert.ok(page.includes(each), each);
    },
  },
  figures: {
    E22: () => ({
      title: "Time of exact attention over the time of a search: k = 64 over n, and every policy's k at n = 16384",
      x: { label: "n", scale: "log", base: 2 },
      y: { label: "speed-up over dense", scale: "log", from: 0.05, to: 20 },
      panels: [
        ...inputs.map(([title, main]) => ({
          title,
          x: { label: "n", scale: "log", base: 2 },
          lines: methods.map((method) => line(method, of(main, { method, k: 64, rule: "constant" }), "n", "speedup")),
        })),
        ...inputs.map(([title, main, others]) => ({
          title: `${title}, n = 16384`,
          x: { label: "k", scale: "log", base: 2 },
          lines: methods.map((method) => {
            const rows = [main, others].flatMap((name) => of(name, { method, n: 16384 }));
            return line(
              method,
              rows.sort((a, b) => a.k - b.k),
              "k",
              "speedup",
            );
          }),
        })),
      ],
    }),
  },
};
