// E2: are n^C entries enough?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of, one } from "../tables.mjs";

const lengths = "n=64,128,256,512,1024,2048,4096,8192";
const common = ["rows=256", "repeats=10"];
const curve = (rule, value, column, name = "E2-independent") => of(name, { rule, value }).map((row) => row[column]);
const growth = (numbers) => numbers.at(-1) / numbers.at(2); // from 256 on

export default {
  id: "E2",
  tables: {
    "E2-independent": ["E2", lengths, "output=true", ...common],
    "E2-identity": ["E2", lengths, "weights=identity", ...common],
    "E2-spectral": ["E2", "n=64,128,256,512,1024,2048", "spectral=true", "rows=256"],
  },
  quick: [
    {
      args: ["n=256,1024", "keep=8", "exponent=0.5", "rows=128", "repeats=4"],
      holds: (rows) => {
        for (const row of rows)
          if (row.k >= 8) assert.ok(Math.abs(row.l2 / row.closedL2 - 1) < 0.05, JSON.stringify(row));
      },
    },
  ],
  claims: {
    "l2 falls for n^C and rises for constant k; the dropped mass rises for all; the spectral norm vanishes": () => {
      for (const value of [0.5, 0.75]) assert.ok(growth(curve("power", value, "l2")) < 0.7, `n^${value}`);
      assert.ok(growth(curve("constant", 8, "l2")) > 1.05);
      for (const [rule, value] of [
        ["constant", 8],
        ["power", 0.25],
        ["power", 0.5],
        ["power", 0.75],
        ["log", 1],
      ]) {
        assert.ok(growth(curve(rule, value, "dropped")) > 1, `${rule} ${value}`);
      }
      for (const row of of("E2-spectral")) assert.ok(row.spectral <= Math.sqrt(2 / row.n));
      assert.ok(curve("constant", 1, "spectral", "E2-spectral").at(-1) < 0.004);
      // Self-collapse: a constant k gets worse quickly.
      assert.ok(one("E2-identity", { n: 4096, rule: "constant", value: 8 }).l2 > 0.5);
    },
  },
  figures: {
    E2: () => {
      const rules = [
        ["k = 8", "constant", 8],
        ["ln n", "log", 1],
        ["n^0.5", "power", 0.5],
        ["n^0.75", "power", 0.75],
      ];
      const lines = (name, column) =>
        rules.map(([label, rule, value]) => line(label, of(name, { rule, value }), "n", column));
      return {
        title: "l2 error and dropped mass over n, for four ways to choose k",
        x: { label: "n", scale: "log", base: 2 },
        y: { label: "l2", scale: "log", from: 0.02, to: 1 },
        panels: [
          { title: "independent weights: l2", lines: lines("E2-independent", "l2") },
          { title: "W = I: l2", lines: lines("E2-identity", "l2") },
          {
            title: "independent weights: dropped mass",
            y: { label: "", scale: "linear", from: 0, to: 1 },
            lines: lines("E2-independent", "dropped"),
          },
        ],
      };
    },
  },
};
