// E1: how many entries of a row exceed epsilon?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { near, of, one, select } from "../tables.mjs";

const n = "n=64,128,256,512,1024,2048,4096,8192,16384";

export default {
  id: "E1",
  tables: {
    "E1-independent": ["E1", n, "epsilon=1e-2,1e-3,1e-4", "rows=512"],
    "E1-identity": ["E1", n, "epsilon=1e-2", "weights=identity", "rows=512"],
  },
  quick: [
    {
      args: ["n=128,1024", "epsilon=1e-2,1e-3", "rows=256"],
      holds: (rows) => rows.forEach((row) => assert.ok(Math.abs(row.ineffectiveShare - row.closedForm) < 1.5 / 64)),
    },
  ],
  claims: {
    "for independent weights the share follows the closed form; the identity keeps the token itself": () => {
      for (const row of of("E1-independent")) {
        if (row.n >= 128) assert.ok(Math.abs(row.ineffectiveShare - row.closedForm) < 1.5 / 64, JSON.stringify(row));
      }
      near(one("E1-identity", { n: 256 }).effective, 1.51, 0.1, "n = 256");
      near(one("E1-identity", { n: 4096 }).effective, 1, 0.03, "n = 4096");
    },
  },
  figures: {
    E1: () => {
      const independent = of("E1-independent");
      const closed = (rows) => rows.map((row) => ({ ...row, closed: row.n * (1 - row.closedForm) }));
      return {
        title: "Entries of a row above epsilon, over n, measured and by the closed form",
        x: { label: "n", scale: "log", base: 2 },
        y: { label: "entries above epsilon", scale: "log", from: 0.05, to: 4000 },
        panels: [
          ...[0.01, 0.001, 0.0001].map((epsilon) => {
            const rows = select(independent, { epsilon });
            return {
              title: `epsilon ${epsilon}`,
              lines: [
                line("independent weights", rows, "n", "effective"),
                line("closed form", closed(rows), "n", "closed"),
                ...(epsilon === 0.01 ? [line("W = I", of("E1-identity"), "n", "effective")] : []),
              ],
            };
          }),
        ],
      };
    },
  },
};
