// E14: what does a wrong alpha or C cost?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of, select } from "../tables.mjs";

const alphas = [0.05, 0.07, 0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.1, 1.6, 2.2, 3.2, 4.5, 6.4, 9, 13, 18, 25, 36, 50];
const grid = `alpha=${[...alphas, 72, 100, 140, 200, 280, 400, 560, 800, 1600, 3200]}`;
const exponents = [0, 0.25, 0.5, 0.75, 1];
const common = ["sigma=2", grid, "rows=256"];

const inputs = [
  ["E14-none", "independent scores"],
  ["E14-independent", "random weights"],
  ["E14-causal-sink", "a sink"],
];

/** The alpha of least waste and violation lies on the ridge at the C that the needs follow. */
function ridge(rows) {
  const [best] = [...rows].sort((a, b) => a.penalty - b.penalty);
  assert.ok(Math.abs(best.exponent - best.fitted) <= 0.25, JSON.stringify(best));
  assert.ok(Math.abs(Math.log(best.alpha / best.ridge)) <= Math.log(2), JSON.stringify(best));
}

export default {
  id: "E14",
  tables: {
    "E14-none": ["E14", "weights=none", ...common],
    "E14-independent": ["E14", ...common],
    "E14-causal-sink": ["E14", "input=sink", "strength=9", ...common],
  },
  quick: [
    {
      args: ["weights=none", "sigma=2", "alpha=0.1,0.14,0.2,0.28,0.4,0.56,0.8,1.6,3.2,6.4,13", "rows=64", "to=4096"],
      holds: ridge,
    },
  ],
  claims: {
    "the ridge follows the needs": () => {
      for (const name of ["E14-none", "E14-independent"]) ridge(of(name));
    },
    "a wrong C costs more than a wrong start: the least penalty grows away from the fitted C": () => {
      const rows = of("E14-none");
      const least = exponents.map((exponent) => select(rows, { exponent })[0].leastPenalty);
      for (let i = 1; i < least.length; ++i) assert.ok(least[i] < least[i - 1], String(least));
    },
    "where a sink holds some rows no law is good": () => {
      const least = Math.min(...of("E14-causal-sink").map((row) => row.penalty));
      assert.ok(least > 2 * Math.min(...of("E14-none").map((row) => row.penalty)));
    },
  },
  heatMaps: {
    "E14-maps": () => ({
      title: "Waste and violations of k = alpha n^C over alpha and C, and the alpha that meets the needs for each C",
      x: { label: "alpha" },
      y: { label: "C" },
      value: "share of the work, or of the rows",
      mark: "the ridge: k meets the needs",
      panels: ["wasted", "violated"].flatMap((column) =>
        inputs.map(([name, title]) => {
          const rows = of(name);
          return {
            title: `${{ wasted: "wasted work", violated: "rows short" }[column]}: ${title}`,
            cells: rows.map((row) => ({ x: row.alpha, y: row.exponent, value: row[column] })),
            marks: exponents.map((y) => ({ x: select(rows, { exponent: y })[0].ridge, y })),
          };
        }),
      ),
    }),
  },
  figures: {
    E14: () => ({
      title: "Waste and violations of k = alpha n^C around the alpha that meets the needs",
      x: { label: "alpha over the ridge's", scale: "log", base: 2, from: 1 / 16, to: 16 },
      y: { label: "", from: 0, to: 1 },
      panels: ["wasted", "violated", "penalty"].map((column, i) => ({
        title: ["share of the work not needed", "share of rows with too few", "their sum"][i],
        ...(i === 2 ? { y: { label: "", from: 0, to: 1.2 } } : {}),
        lines: exponents.map((exponent) => {
          const rows = of("E14-none", { exponent }).map((row) => ({ ...row, off: row.alpha / row.ridge }));
          return line(`C = ${exponent}`, rows, "off", column);
        }),
      })),
    }),
  },
};
