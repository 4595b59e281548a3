// E16: what do positions do to R and to the entries that a row needs?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { near, of, select } from "../tables.mjs";

const offsets = "offset=0,1,2,4,8,16,32,64,128,256,512,1024,2048,4095";

/** The average over offsets is what the exact closed form says, and measured deviations are the radii. */
function agrees(rows) {
  for (const row of rows) {
    near(row.average, row.exact, 1e-5, "average");
    near(row.measured, row.radius, 0.06, JSON.stringify(row));
    if (row.positions !== "rope") near(row.closed, row.average, 1e-5, "closed");
  }
}

export default {
  id: "E16",
  tables: {
    "E16-independent": ["E16", offsets, "rows=128"],
    "E16-tied": ["E16", offsets, "rows=128", "weights=tied"],
  },
  quick: [{ args: ["n=2048", "base=10000,1000000", "slope=0.0625", "rows=16"], holds: agrees }],
  claims: {
    "measured deviations are the radii, and the exact average is their mean": () => {
      for (const name of ["E16-independent", "E16-tied"]) agrees(of(name));
    },
    "independent weights: within 3 % of evenly spread phases": () => {
      for (const row of of("E16-independent", { positions: "rope" })) near(row.closed, row.average, 0.03, row.value);
    },
    "tied weights: slow pairs at offset 0 within 5 %, evenly spread phases not": () => {
      for (const row of of("E16-tied", { positions: "rope" })) near(row.corrected, row.average, 0.05, row.value);
      const [slow] = of("E16-tied", { positions: "rope", value: 1e6 });
      assert.ok(slow.closed < 0.95 * slow.average);
    },
    "a bias by distance needs a few of its own lengths, rotary positions a share of the row": () => {
      for (const row of of("E16-independent", { positions: "alibi" })) {
        // 2.3 / slope is where the bias alone has dropped nine tenths.
        assert.ok(row.share * 3072 < 3.5 / row.value, JSON.stringify(row));
      }
      for (const row of of("E16-independent", { positions: "rope" })) near(row.share, row.closedShare, 0.05, row.value);
    },
  },
  figures: {
    E16: () => {
      const name = ({ positions, value }) => (positions === "none" ? "no positions" : `base ${value.toExponential(0)}`);
      const lines = (table) => {
        const rows = of(table).filter(({ positions }) => positions !== "alibi");
        return [...new Set(rows.map(name))].map((each) =>
          line(
            each,
            rows.filter((row) => name(row) === each && row.offset > 0),
            "offset",
            "radius",
          ),
        );
      };
      const alibi = of("E16-independent", { positions: "alibi", offset: 0 });
      return {
        title: "The deviation of scores over the distance of two tokens, and what ALiBi leaves to look at",
        x: { label: "offset m", scale: "log", base: 2, from: 1, to: 4096 },
        y: { label: "radius of offset m", from: 0.6, to: 1.05 },
        panels: [
          { title: "independent weights", lines: lines("E16-independent") },
          { title: "tied weights", lines: lines("E16-tied") },
          {
            title: "ALiBi: share of the row needed",
            x: { label: "slope", from: 1 / 256, to: 0.5 },
            y: { label: "", scale: "log", from: 0.001, to: 1 },
            lines: [line("tau <= 0.1", select(alibi, { n: 4096 }), "value", "share")],
          },
        ],
      };
    },
  },
};
