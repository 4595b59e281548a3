// E7: how many entries does a row need as weights grow?

import { line } from "../figure.mjs";
import { near, of, select } from "../tables.mjs";

const closed = (rows) => {
  for (const row of rows) if (row.applies === "yes") near(row.share, row.closedShare, 0.05, JSON.stringify(row));
};

export default {
  id: "E7",
  tables: {
    "E7-mass": ["E7", "n=256,1024,4096,16384", "weights=none", "rows=128", "repeats=4"],
    "E7-weights": ["E7", "n=256,1024,4096", "rows=256", "repeats=10"],
  },
  quick: [{ args: ["n=1024,4096", "gain=0.5,1", "weights=none", "rows=128"], holds: closed }],
  claims: { "within 5 % of the closed form where it applies": () => closed(of("E7-mass")) },
  figures: {
    E7: () => {
      const rows = of("E7-mass");
      const by = (column) =>
        [256, 1024, 4096, 16384].map((n) => line(`n = ${n}`, select(rows, { n }), "sigma", column));
      return {
        title: "Entries that a row needs, over sigma, independent scores",
        x: { label: "sigma", scale: "log", base: 2 },
        y: { label: "", scale: "log" },
        panels: [
          {
            title: "share for a dropped mass of 0.1",
            y: { label: "k / n", scale: "log", from: 1e-4, to: 1 },
            lines: [...by("share"), line("closed form", select(rows, { n: 16384 }), "sigma", "closedShare")],
          },
          {
            title: "entries for an l2 error of 0.1",
            y: { label: "k", scale: "log", from: 1, to: 200 },
            lines: by("keepL2"),
          },
        ],
      };
    },
  },
};
