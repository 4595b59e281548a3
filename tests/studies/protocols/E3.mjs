// E3: a fixed window, or alpha n^C at the same cost?

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";

import { near, of } from "../tables.mjs";

/** Lines of the page's table of winners, without the alignment at one length and without C = 0.001. */
export function winners() {
  const groups = new Map();
  for (const row of of("E3-equal-cost")) {
    if (row.exponent === 0.001 || row.alignment === "oneLength") continue;
    const key = `${row.scores} ${row.value}`;
    groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  const count = (rows, column) =>
    ["fixed", "dynamic", "equal"].map((word) => rows.filter((row) => row[column] === word).length).join(" / ");
  const columns = ["winnerL2", "winnerWorstL2", "winnerDropped", "winnerWorstDropped"];
  return [...groups].map(([key, rows]) => `| ${[key, ...columns.map((column) => count(rows, column))].join(" | ")} |`);
}

export default {
  id: "E3",
  tables: { "E3-equal-cost": ["E3", "weights=none", "rows=128", "repeats=4"] },
  quick: [
    {
      args: ["weights=none", "n=256,512,1024,2048,4096", "keep=32", "sigma=1", "rows=64", "repeats=2", "exponent=0.5"],
      holds: (rows) => rows.forEach((row) => near(row.dynamicCost, row.fixedCost, 0.01, "cost")),
    },
  ],
  claims: {
    "costs agree, n^0.001 is a fixed window, and the winners are as the page counts them": () => {
      for (const row of of("E3-equal-cost")) {
        near(row.dynamicCost, row.fixedCost, 0.004, "cost");
        if (row.exponent !== 0.001) continue;
        near(row.dynamicL2, row.fixedL2, 0.01, "l2 of n^0.001");
        // Aligned at one length it may keep an entry more elsewhere.
        if (row.alignment === "oneLength") continue;
        for (const column of ["winnerL2", "winnerWorstL2", "winnerDropped"]) assert.equal(row[column], "equal");
      }
      const page = readFileSync(new URL("../../../cpp/simulate/results/E3.md", import.meta.url), "utf8");
      for (const each of winners()) assert.ok(page.includes(each), each);
    },
  },
  figures: {
    E3: () => {
      const dynamic = (wanted, column) =>
        of("E3-equal-cost", { alignment: "decode", ...wanted }).map((row) => [row.exponent, row[column]]);
      const fixed = (wanted, column) =>
        of("E3-equal-cost", { alignment: "decode", ...wanted }).map((row) => [row.exponent, row[column]]);
      const panel = (title, wanted, what, y) => ({
        title,
        y,
        lines: [
          { name: "fixed, k = 64", points: fixed(wanted, `fixed${what}`) },
          { name: "dynamic, alpha n^C", points: dynamic(wanted, `dynamic${what}`) },
        ],
      });
      const sigma = { scores: "sigma", value: 1 };
      return {
        title: "A fixed window and dynamic ones at the cost of decoding, over C",
        x: { label: "C", from: 0, to: 0.8 },
        y: { label: "error" },
        panels: [
          panel("sigma 1: mean l2", sigma, "L2", { label: "error", from: 0, to: 0.25 }),
          panel("sigma 1: worst dropped mass", sigma, "WorstDropped", { label: "", from: 0.9, to: 1 }),
          panel("sigma 3: worst dropped mass", { scores: "sigma", value: 3 }, "WorstDropped", {
            label: "",
            from: 0.2,
            to: 0.6,
          }),
        ],
      };
    },
  },
};
