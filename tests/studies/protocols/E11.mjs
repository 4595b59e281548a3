// E11: do alpha and C of short texts hold on long ones?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of, select } from "../tables.mjs";

const common = ["rows=256", "repeats=10"];
const within = (rows) => {
  for (const row of select(rows, { method: "fit" })) assert.ok(Math.abs(row.error) <= 0.1, JSON.stringify(row));
};
const tables = {
  "E11-none": ["E11", "weights=none", "n=256,512,1024,2048,4096,8192,16384", ...common],
  "E11-weights": ["E11", "n=256,512,1024,2048,4096,8192", ...common],
  "E11-gain-2": ["E11", "n=256,512,1024,2048,4096,8192,16384", "sigma=2", ...common],
};

export default {
  id: "E11",
  tables,
  quick: [{ args: ["weights=none", "n=256,512,1024,2048,4096", "rows=64", "repeats=2"], holds: within }],
  claims: {
    "what is fitted on a quarter holds within 10 % on stationary data": () =>
      Object.keys(tables).forEach((name) => within(of(name))),
  },
  figures: {
    E11: () => ({
      title: "Error of the predicted number of entries on lengths that the fit has not seen",
      x: { label: "n", scale: "log", base: 2 },
      y: { label: "predicted / needed - 1", from: -0.15, to: 0.05 },
      panels: Object.keys(tables).map((name, i) => ({
        title: ["independent scores", "weights, sigma 1", "weights, sigma 2"][i],
        lines: ["theory", "fit", "grid"].map((method) => line(method, of(name, { method }), "n", "error")),
      })),
    }),
  },
};
