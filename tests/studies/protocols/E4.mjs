// E4: what do o(log n) entries leave?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of } from "../tables.mjs";

const lengths = "n=64,128,256,512,1024,2048,4096,8192";
const common = ["rows=256", "repeats=10"];
const between = (rows) => {
  for (const { scaled, least, most } of rows) assert.ok(least <= scaled * 1.0001 && scaled <= most * 1.0001);
};

export default {
  id: "E4",
  tables: {
    "E4-independent": ["E4", lengths, ...common],
    "E4-identity": ["E4", lengths, "weights=identity", ...common],
  },
  quick: [{ args: ["n=256,1024", "rows=128", "repeats=2"], holds: between }],
  claims: {
    "l2 sqrt(k) lies between its bounds, and stays above a constant for independent weights": () => {
      for (const name of ["E4-independent", "E4-identity"]) between(of(name));
      for (const { least } of of("E4-independent", { n: 8192 })) assert.ok(least > 0.85);
    },
  },
  figures: {
    E4: () => {
      const rules = [
        ["k = 1", "constant", 1],
        ["k = 8", "constant", 8],
        ["ln ln n", "logLog", 1],
        ["ln n", "log", 1],
        ["4 ln n", "log", 4],
      ];
      const lines = (column, value) =>
        rules.map(([label, rule, factor]) => {
          const rows = of("E4-independent", { rule });
          return line(label, rule === "logLog" ? rows : rows.filter((row) => row.value === factor), "n", column, value);
        });
      return {
        title: "What few entries leave, independent weights",
        x: { label: "n", scale: "log", base: 2 },
        y: { label: "", from: 0, to: 1.1 },
        panels: [
          { title: "l2 sqrt(k)", lines: lines("scaled") },
          { title: "l2", lines: lines("l2") },
          { title: "dropped mass", lines: lines("dropped") },
        ],
      };
    },
  },
};
