// E5: in which of its ways does attention collapse?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { near, of, one } from "../tables.mjs";

const dispersed = (rows) => {
  for (const row of rows) if (row.gamma < 0.4) near(row.entropy, row.entropyPredicted, 0.03, "entropy");
};
const gammas = [0.4, 0.7, 0.9, 1.1, 1.3];

export default {
  id: "E5",
  tables: {
    "E5-sigma": ["E5", "n=64,256,1024,4096,16384", "sigma=0.5,1,2,3,4", "weights=none", "rows=128", "repeats=4"],
    "E5-gamma": [
      "E5",
      "n=64,256,1024,4096,16384",
      "gamma=0.4,0.7,0.9,1.1,1.3",
      "weights=none",
      "rows=128",
      "repeats=4",
    ],
    "E5-identity": ["E5", "n=64,256,512,1024,1448,1808,2048,4096,16384", "weights=identity", "rows=512"],
  },
  quick: [{ args: ["n=256,4096", "sigma=0.5,1", "weights=none", "rows=64"], holds: dispersed }],
  claims: {
    "the regimes are told apart, and the crossover is where the theory puts it": () => {
      dispersed(of("E5-sigma"));
      const [below, above] = [1448, 2048].map((n) => one("E5-identity", { n }));
      assert.ok(below.self > 0.5 && above.self < 0.5);
      for (const row of of("E5-gamma", { n: 16384 })) {
        assert.equal(row.regime, row.gamma < 0.5 ? "dispersion" : row.gamma < 1 ? "condensation" : "frozen");
      }
    },
  },
  figures: {
    E5: () => ({
      title: "Three ways to collapse, over n",
      x: { label: "n", scale: "log", base: 2 },
      y: { label: "" },
      panels: [
        {
          title: "entropy / ln n, sigma fixed",
          y: { label: "", from: 0, to: 1 },
          lines: [0.5, 1, 2, 4].map((sigma, i) => {
            const rows = of("E5-sigma").filter((_, at) => Math.floor(at / 5) === [0, 1, 2, 4][i]);
            return line(`sigma ${sigma}`, rows, "n", "entropyShare");
          }),
        },
        {
          title: "entropy / ln n, sigma = gamma sqrt(2 ln n)",
          y: { label: "", from: 0, to: 1 },
          lines: gammas.map((gamma, i) => {
            const rows = of("E5-gamma").filter((_, at) => Math.floor(at / 5) === i);
            return line(`gamma ${gamma}`, rows, "n", "entropyShare");
          }),
        },
        {
          title: "W = I: probability of the token itself",
          y: { label: "", from: 0, to: 1 },
          lines: [
            line("measured", of("E5-identity"), "n", "self"),
            line("predicted", of("E5-identity"), "n", "selfPredicted"),
          ],
        },
      ],
    }),
  },
};
