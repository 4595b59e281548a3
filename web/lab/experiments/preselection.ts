/**
 * What keys cost that a search overlooks: simulated misses of a given share, by chance, evenly or the best ones first,
 * and the searches as they are. `l2Amplification` is the row's error over that of the exact top-k.
 */
import type { PreselectionRow, PreselectionSweep } from "heed";
import { atMost, largestBy, number, percent } from "./checks.js";
import { defineExperiment, type RunOptions, type Verdict } from "./experiment.js";

export const preselection = defineExperiment({
  id: "preselection",
  question: "What do keys cost that a search overlooks?",
  parameters: { n: [2048], rows: 32, seed: 1 } satisfies PreselectionSweep,
  run: (heed, parameters: PreselectionSweep, options?: RunOptions) => heed.simulate("E13", parameters, options),
  claims: [
    {
      text: "What is dropped is what the exact set drops, plus what was missed, minus what stands in for it (an identity).",
      check: (rows: readonly PreselectionRow[]) =>
        atMost(
          rows,
          ({ violations }) => violations,
          0,
          ({ selector, violations }) => `${violations} rows, ${selector}`,
        ),
    },
    {
      text: "Missing the best keys costs more than missing as many by chance.",
      check(rows: readonly PreselectionRow[]): Verdict | undefined {
        const pairs = rows.flatMap((row) => {
          const other = rows.find((one) => one.selector === "random" && one.n === row.n && one.setting === row.setting);
          return row.selector === "worst" && row.recall < 0.97 && other !== undefined ? [{ row, other }] : [];
        });
        const least = largestBy(pairs, ({ row, other }) => other.l2 - row.l2);
        if (least === undefined) return undefined;
        return {
          holds: least.row.l2 > least.other.l2,
          detail: `closest: ${number(least.row.l2)} against ${number(least.other.l2)} at a recall of ${percent(least.row.recall)}`,
        };
      },
    },
    {
      text: "Bytes and pages without an early stop miss nothing.",
      check: (rows: readonly PreselectionRow[]) =>
        atMost(
          rows.filter(({ selector, setting }) => selector === "int8" || (selector === "pages" && setting === 0)),
          ({ recall }) => 1 - recall,
          0,
          ({ selector, recall }) => `${selector} finds ${percent(recall)}`,
        ),
    },
  ],
});
