// E18: what do certificates promise, beside the truth?

import assert from "node:assert/strict";

import { line } from "../figure.mjs";
import { of } from "../tables.mjs";

const certificates = ["truth", "singleGap", "headAware", "blockwise"];

/** No bound is below what it bounds, none keeps less than is needed, and they are in order. */
function bounds(rows) {
  for (const row of rows) {
    assert.ok(row.boundRatio > 1 - 1e-6 && row.keepRatio > 1 - 1e-6, JSON.stringify(row));
    if (row.certificate !== "headAware") continue;
    const gap = rows.find(
      ({ n, mass, certificate }) => n === row.n && mass === row.mass && certificate === "singleGap",
    );
    assert.ok(row.keep <= gap.keep && row.bound <= gap.bound);
  }
}
const lengths = "n=1024,2048,4096,8192,16384";
const draws = ["rows=64", "repeats=10"];
const tables = {
  "E18-sigma-1": ["E18", lengths, ...draws],
  "E18-sigma-4": ["E18", lengths, "sigma=4", ...draws],
  // Neighbors resemble each other: what pages are for.
  "E18-stationary": ["E18", lengths, "input=stationary", "strength=0.999", "weights=identity", ...draws],
};

export default {
  id: "E18",
  tables,
  quick: [{ args: ["n=1024", "sigma=4", "rows=64"], holds: bounds }],
  claims: {
    "every bound is at or above the truth, head-aware at or below the single gap": () =>
      Object.keys(tables).forEach((name) => bounds(of(name))),
    "standard errors are between ten draws, and small beside how loose the bounds are": () => {
      for (const name of Object.keys(tables)) {
        for (const row of of(name)) {
          assert.ok(row.keepRatioError >= 0 && row.scoredError >= 0 && row.boundRatioError >= 0, JSON.stringify(row));
        }
      }
      const loose = of("E18-sigma-4", { n: 16384, mass: 0.1 });
      for (const { certificate, keepRatio, keepRatioError } of loose.slice(1, 3)) {
        assert.ok(keepRatio - 1 > 3 * keepRatioError, certificate);
      }
    },
  },
  figures: {
    E18: () => ({
      title: "Certified over true number of entries, over n, for a dropped mass of 0.1",
      x: { label: "n", scale: "log", base: 2 },
      y: { label: "certified k over true k", scale: "log", from: 1, to: 1000 },
      panels: Object.keys(tables).map((name) => ({
        title: { "E18-sigma-1": "sigma 1", "E18-sigma-4": "sigma 4", "E18-stationary": "slow text, W = I" }[name],
        lines: certificates.map((certificate) =>
          line(certificate, of(name, { mass: 0.1, certificate }), "n", "keepRatio", { error: "keepRatioError" }),
        ),
      })),
    }),
  },
};
