// E9: what is left of n^C when assumptions break?

import assert from "node:assert/strict";

import { near, of } from "../tables.mjs";

const violated = ["n=256,512,1024,2048,4096", "rows=128", "repeats=5"];
const tables = {
  "E9-stationary": ["E9", "input=stationary", "strength=0,0.5,0.9,0.99", ...violated],
  "E9-clustered": ["E9", "input=clustered", "strength=0,0.25,0.5,0.75,1", ...violated],
  "E9-student": ["E9", "input=student", "strength=2.1,3,4,8,100", ...violated],
  "E9-outliers": ["E9", "input=outliers", "strength=1,2,4,8,16", ...violated],
  "E9-sink": ["E9", "input=sink", "strength=0,2,4,6,8,10", ...violated],
  "E9-duplicates": ["E9", "input=duplicates", "strength=1,4,16,64", ...violated],
  "E9-low-dimension": ["E9", "input=lowDimension", "strength=1,2,4,16,64", ...violated],
};

export default {
  id: "E9",
  tables,
  quick: [
    ["student", "3,100"],
    ["sink", "0,8"],
    ["stationary", "0,0.99"],
    ["clustered", "0,1"],
    ["outliers", "1,16"],
    ["duplicates", "1,64"],
    ["lowDimension", "1,64"],
  ].map(([input, strength]) => ({
    args: [`input=${input}`, `strength=${strength}`, "n=256,512,1024", "rows=64", "repeats=2"],
    // Every violation gives a fit and an l2 below its bound.
    holds: (rows) => {
      for (const row of rows)
        assert.ok(row.exponent >= 0 && row.exponent <= 1 && row.tightness <= 1, JSON.stringify(row));
    },
  })),
  claims: {
    "a sink and strong duplicates change the exponent": () => {
      const sink = of("E9-sink");
      assert.ok(sink.at(-1).keepLongest < sink[0].keepLongest);
      for (const name of ["E9-stationary", "E9-duplicates"]) near(of(name)[0].exponent, 1, 0.05, name);
    },
    "heavier tails ask for more entries, outliers for fewer, step by step; broken independence moves C little": () => {
      const tails = of("E9-student").map(({ exponentL2 }) => exponentL2);
      tails.slice(1).forEach((value, at) => assert.ok(value < tails[at]));
      const outliers = of("E9-outliers").map(({ exponent }) => exponent);
      outliers.slice(1).forEach((value, at) => assert.ok(value < outliers[at]));
      for (const name of ["E9-stationary", "E9-clustered", "E9-duplicates", "E9-low-dimension"]) {
        for (const row of of(name)) assert.ok(row.exponent > 0.95, `${name} ${row.strength}`);
      }
    },
  },
  figures: {
    E9: () => ({
      title: "Fitted C and tightness of the bound against the strength of the violation",
      x: { label: "place in the list of strengths, weakest first", from: 0, to: 5 },
      y: { label: "" },
      panels: ["exponent", "exponentL2", "tightness"].map((column, i) => ({
        title: ["C for a dropped mass of 0.1", "C for an l2 error of 0.1", "l2 over its upper bound"][i],
        y: { label: "", from: 0, to: 1.02 },
        lines: Object.keys(tables).map((name) => {
          const rows = of(name);
          // The weakest violation of these is the largest number.
          const ordered = /student|low-dimension/.test(name) ? [...rows].reverse() : rows;
          return { name: name.slice(3), points: ordered.map((row, at) => [at, row[column], row[`${column}Error`]]) };
        }),
      })),
    }),
  },
};
