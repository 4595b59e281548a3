// E13: what do keys cost that a search overlooks?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { near, of, one, select } from "../tables.mjs";

const simulated = ["uniform", "worst", "random"];

/** What holds at any size. */
function identity(rows) {
  for (const row of rows) {
    assert.ok(Math.abs(row.dropped - (row.exactDropped + row.missed - row.substituted)) < 1e-5, JSON.stringify(row));
    assert.ok(row.amplification > 1 - 1e-6);
  }
  for (const row of [...select(rows, { selector: "int8" }), ...select(rows, { selector: "pages", setting: 0 })]) {
    assert.equal(row.recall, 1);
    near(row.amplification, 1, 1e-5, row.selector);
  }
}
const draws = ["rows=64", "repeats=10"];
const tables = {
  "E13-gaussian": ["E13", "n=1024,4096,16384", ...draws],
  "E13-sigma-3": ["E13", "n=1024,4096,16384", "sigma=3", ...draws],
  // Neighbors resemble each other: what pages are for.
  "E13-stationary": ["E13", "n=4096", "input=stationary", "strength=0.999", "weights=identity", ...draws],
  "E13-clustered": ["E13", "n=4096", "input=clustered", "strength=0.9", "weights=identity", "sigma=0.5", ...draws],
};

export default {
  id: "E13",
  tables,
  quick: [{ args: ["n=1024", "rows=32", "recall=1,0.9,0.5"], holds: identity }],
  claims: {
    "the identity holds and exact searches miss nothing": () =>
      Object.keys(tables).forEach((name) => identity(of(name))),
    "standard errors are between ten draws, and small beside what is told apart": () => {
      for (const name of Object.keys(tables)) {
        for (const row of of(name)) {
          for (const column of ["recall", "scored", "dropped", "l2", "amplification", "l2Amplification"]) {
            assert.ok(row[`${column}Error`] >= 0, `${name} ${column}`);
          }
        }
      }
      const even = one("E13-sigma-3", { n: 4096, selector: "uniform", setting: 0.9 });
      const worst = one("E13-sigma-3", { n: 4096, selector: "worst", setting: 0.9 });
      const apart = worst.l2Amplification - even.l2Amplification;
      assert.ok(apart > 5 * Math.hypot(worst.l2AmplificationError, even.l2AmplificationError), String(apart));
    },
    // The claim of the lab, and where it fails.
    "on evenly spread rows missing the best keys does not cost more than missing others, in l2": () => {
      for (const n of [1024, 4096, 16384]) {
        const worst = one("E13-gaussian", { n, selector: "worst", setting: 0.5 });
        const random = one("E13-gaussian", { n, selector: "random", setting: 0.5 });
        assert.ok(worst.l2 < random.l2 - 2 * Math.hypot(worst.l2Error, random.l2Error), `n ${n}`);
        assert.ok(worst.dropped > random.dropped);
      }
    },
    "missing the best keys costs most; where rows are even a miss costs little": () => {
      for (const name of Object.keys(tables)) {
        for (const { n, setting, dropped } of of(name, { selector: "worst" })) {
          assert.ok(dropped >= one(name, { n, setting, selector: "uniform" }).dropped);
        }
      }
      assert.ok(one("E13-gaussian", { n: 4096, selector: "uniform", setting: 0.9 }).l2Amplification < 1.05);
      assert.ok(one("E13-sigma-3", { n: 4096, selector: "worst", setting: 0.9 }).l2Amplification > 2);
    },
  },
  figures: {
    E13: () => {
      const panel = (title, name, column, own = {}) => ({
        title,
        ...own,
        lines: simulated.map((selector) =>
          line(selector, of(name, { n: 4096, selector }), "setting", column, { error: `${column}Error` }),
        ),
      });
      const real = (name) => ({
        title: `${name === "E13-sigma-3" ? "sigma 3" : "clusters"}: searches and selectors`,
        x: { label: "recall", from: 0, to: 1 },
        lines: ["uniform", "pages", "lsh", "components", "channels"].map((selector) =>
          line(selector, of(name, { n: 4096, selector }), "recall", "l2Amplification", {
            marks: selector !== "uniform",
            error: "l2AmplificationError",
          }),
        ),
      });
      return {
        title: "l2 error of a search over that of the exact set, against its recall; n = 4096, k = 64",
        x: { label: "recall", from: 0.45, to: 1 },
        y: { label: "l2 over exact l2", scale: "log", from: 0.9, to: 10 },
        panels: [
          panel("sigma 1: misses", "E13-gaussian", "l2Amplification", {
            y: { label: "", scale: "linear", from: 0.95, to: 1.07 },
          }),
          panel("sigma 3: misses", "E13-sigma-3", "l2Amplification"),
          real("E13-sigma-3"),
        ],
      };
    },
  },
};
