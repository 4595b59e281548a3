// E20: how fast does attention over n tokens tend to its limit?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { near, of } from "../tables.mjs";

const slopes = (rows) => rows.filter((row, i) => i === 0 || row.horizon !== rows[i - 1].horizon);

function falls(rows) {
  for (const row of rows) if (Number.isFinite(row.predicted)) near(row.error, row.predicted, 0.15, JSON.stringify(row));
  const all = slopes(rows);
  assert.ok(Math.abs(all[0].slope + 0.5) < 0.03 + 3 * all[0].slopeError, String(all[0].slope));
  assert.ok(all.at(-1).slope > -0.05, String(all.at(-1).slope));
}

export default {
  id: "E20",
  tables: { "E20-horizon": ["E20", "rows=32", "repeats=20"] },
  quick: [{ args: ["n=500,1000,2000,4000", "horizon=0.05,0.2,1,10", "rows=24", "repeats=5"], holds: falls }],
  claims: {
    "slope -1/2 for small horizons, flatter for large ones, and the closed form where it applies": () => {
      falls(of("E20-horizon"));
    },
    "the slope rises with the horizon": () => {
      const all = slopes(of("E20-horizon"));
      for (let i = 1; i < all.length; ++i) assert.ok(all[i].slope > all[i - 1].slope - 0.03, String(all[i].horizon));
    },
  },
  figures: {
    E20: () => {
      const rows = of("E20-horizon");
      const wanted = slopes(rows).filter((_, i) => i % 2 === 0);
      const shown = (horizon) => Number(horizon.toPrecision(2));
      return {
        title: "Distance to the limit of infinitely many tokens",
        x: { label: "n", scale: "log", base: 2 },
        y: { label: "error", scale: "log" },
        panels: [
          {
            title: "error",
            x: { label: "n", from: 1000, to: 30000 },
            lines: wanted.map(({ horizon }) =>
              line(
                `H = ${shown(horizon)}`,
                rows.filter((row) => row.horizon === horizon),
                "n",
                "error",
                { error: "errorError" },
              ),
            ),
          },
          {
            title: "slope of ln error on ln n",
            x: { label: "standard deviation of a score", scale: "log", base: 10 },
            y: { label: "", scale: "linear", from: -0.6, to: 0.05 },
            lines: [line("fitted slope", slopes(rows), "sigma", "slope", { error: "slopeError" })],
          },
        ],
      };
    },
  },
};
