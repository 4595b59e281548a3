// E8: how to share a budget of entries?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of, select } from "../tables.mjs";

function best(rows, budget) {
  const all = select(rows, { budget, from: 0 });
  const least = (column) => all.reduce((one, row) => (row[column] < one[column] ? row : one)).policy;
  assert.equal(least("dropped"), "threshold");
  assert.equal(least("droppedWorst"), "topP");
}
const policies = ["fixed", "window", "topP", "threshold", "relative"];

export default {
  id: "E8",
  tables: { "E8-none": ["E8", "weights=none", "rows=256"], "E8-independent": ["E8", "rows=256"] },
  quick: [{ args: ["weights=none", "rows=64", "to=4096", "budget=64"], holds: (rows) => best(rows, 64) }],
  claims: {
    "the global threshold drops least in total, top-p has the least worst row": () => {
      for (const name of ["E8-none", "E8-independent"]) for (const budget of [16, 64, 256]) best(of(name), budget);
    },
  },
  figures: {
    E8: () => {
      const rows = of("E8-none", { from: 0 });
      const lines = (column) => policies.map((policy) => line(policy, select(rows, { policy }), "budget", column));
      return {
        title: "Five policies at the same budget, independent scores of sigma 1",
        x: { label: "entries a row on average", scale: "log", base: 2 },
        y: { label: "" },
        panels: [
          { title: "mean dropped mass", y: { label: "", from: 0.4, to: 1 }, lines: lines("dropped") },
          { title: "worst dropped mass", y: { label: "", from: 0.4, to: 1 }, lines: lines("droppedWorst") },
          { title: "mean l2", y: { label: "", scale: "log", from: 0.03, to: 1 }, lines: lines("l2") },
        ],
      };
    },
  },
};
