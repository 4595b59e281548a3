// E19: the critical scale of attention.

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { near, of, one } from "../tables.mjs";

const shares = [0.2, 0.5, 0.8];

function boundaries(rows) {
  for (const row of rows) {
    if (row.d !== 512) continue;
    near(row.boundary, 1, 0.03, JSON.stringify(row));
    assert.ok(row.similarity >= row.rho - 0.05 && row.similarity <= 1);
  }
}

export default {
  id: "E19",
  tables: {
    "E19-phase": ["E19", "rows=64", "repeats=10", "gamma=0.4,0.5,0.6,0.7,0.8,0.9,1,1.1,1.2,1.3,1.4,1.6,1.8,2"],
  },
  quick: [{ args: ["n=1024", "rows=32", "repeats=2", "dimension=512", "rho=0.5"], holds: boundaries }],
  claims: {
    "d = 512: the boundary is at gamma = 1 / (1 - rho)": () => boundaries(of("E19-phase")),
    "the boundary is where it is expected, within 1 % for d = 512 and 3 % for d = 32": () => {
      for (const rho of shares)
        for (const [d, share] of [
          [512, 0.01],
          [32, 0.03],
        ]) {
          const row = one("E19-phase", { d, rho, relative: 1 });
          near(row.boundary, row.expected, share + (3 * row.boundaryError) / row.expected, `d ${d}, rho ${rho}`);
        }
    },
    "d = 2: nothing is sharp": () => {
      for (const rho of shares) {
        const rows = of("E19-phase", { d: 2, rho });
        for (let i = 1; i < rows.length; ++i) assert.ok(Math.abs(rows[i].similarity - rows[i - 1].similarity) < 0.12);
      }
    },
  },
  figures: {
    E19: () => ({
      title: "Similarity of two outputs over the scale of attention",
      x: { label: "gamma (1 - rho)", from: 0.4, to: 2 },
      y: { label: "mean cosine of two outputs", from: 0, to: 1.02 },
      panels: shares.map((rho) => {
        const exact = of("E19-phase", { d: 512, rho });
        return {
          title: `rho = ${rho}`,
          lines: [
            ...[2, 32, 512].map((d) =>
              line(`d = ${d}`, of("E19-phase", { d, rho }), "relative", "similarity", { error: "similarityError" }),
            ),
            line("equal inner products, n = 2048", exact, "relative", "simplex"),
          ],
        };
      }),
    }),
  },
};
