// E6: how large do logits get?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of } from "../tables.mjs";

const many = ["rows=1024", "repeats=10"];
const tables = {
  "E6-uniform": ["E6", "input=uniform", ...many],
  "E6-rademacher": ["E6", "input=rademacher", ...many],
  "E6-gaussian": ["E6", ...many],
  "E6-student": ["E6", "input=student", "strength=3", ...many],
  "E6-rademacher-orthogonal": ["E6", "input=rademacher", "weights=powerLaw", "decay=0", ...many],
  "E6-rademacher-rank-1": ["E6", "input=rademacher", "weights=lowRank", "rank=1", ...many],
};

export default {
  id: "E6",
  tables,
  quick: [
    {
      args: ["input=rademacher", "n=256,1024", "rows=256", "repeats=4"],
      holds: (rows) => rows.forEach((row) => assert.equal(row.violated, 0)),
    },
  ],
  claims: {
    "the strict bound holds; it is loose but for bounded inputs": () => {
      for (const name of Object.keys(tables)) for (const row of of(name)) assert.equal(row.violated, 0, name);
      for (const row of of("E6-rademacher-orthogonal")) assert.ok(row.strictRatio > 0.6);
      for (const row of of("E6-student")) assert.ok(row.strictRatio < 0.05);
    },
  },
  figures: {
    E6: () => {
      const lines = (column) => Object.keys(tables).map((name) => line(name.slice(3), of(name), "n", column));
      return {
        title: "The largest logit over the two bounds; above 1 a bound has failed",
        x: { label: "n", scale: "log", base: 2 },
        y: { label: "largest logit over bound", scale: "log", from: 0.001, to: 2 },
        panels: [
          { title: "the form with R", lines: lines("radiusRatio") },
          { title: "the strict form, R'", lines: lines("strictRatio") },
        ],
      };
    },
  },
};
