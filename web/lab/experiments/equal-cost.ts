/**
 * A fixed number of entries against k = α n^C that costs the same, over texts of mixed length. Who has the smaller error
 * depends on what is compared: the mean over lengths, or the worst length.
 */
import type { EqualCostRow, EqualCostSweep } from "heed";
import { number } from "./checks.js";
import { defineExperiment, type RunOptions, type Verdict } from "./experiment.js";

const counted = ({ exponent, alignment }: EqualCostRow): boolean => exponent >= 0.1 && alignment !== "oneLength";
type Judge = "winnerL2" | "winnerDropped" | "winnerWorstDropped" | "winnerWorstL2";

/** Does one of the two never lose, and win most of the comparisons? */
function mostly(rows: readonly EqualCostRow[], judge: Judge, winner: "fixed" | "dynamic"): Verdict | undefined {
  const own = rows.filter(counted);
  if (own.length === 0) return undefined;
  const count = (who: string): number => own.filter((row) => row[judge] === who).length;
  const loser = winner === "fixed" ? "dynamic" : "fixed";
  return {
    holds: count(loser) === 0 && count(winner) > own.length / 2,
    detail: `fixed ${count("fixed")}, dynamic ${count("dynamic")}, too close ${count("equal")} of ${own.length}`,
  };
}

export const equalCost = defineExperiment({
  id: "equal-cost",
  question: "Fixed window or α n^C, at equal cost?",
  parameters: {
    n: [1024, 2048, 4096, 8192, 16384],
    keep: 64,
    exponent: [0.25, 0.5, 0.75],
    sigma: [0.5, 1, 2, 3],
    weights: "none",
    rows: 48,
    repeats: 3,
    seed: 1,
  } satisfies EqualCostSweep,
  run: (heed, parameters: EqualCostSweep, options?: RunOptions) => heed.simulate("E3", parameters, options),
  claims: [
    {
      text: "In the mean over lengths, the dynamic window never has the smaller ℓ2 error.",
      check: (rows: readonly EqualCostRow[]) => mostly(rows, "winnerL2", "fixed"),
    },
    {
      text: "In the mean over lengths, it never drops less attention.",
      check: (rows: readonly EqualCostRow[]) => mostly(rows, "winnerDropped", "fixed"),
    },
    {
      text: "At the worst length (the longest text) it always drops less attention, or as much.",
      check: (rows: readonly EqualCostRow[]) => mostly(rows, "winnerWorstDropped", "dynamic"),
    },
    {
      text: "Both cost the same within 1 %.",
      check(rows: readonly EqualCostRow[]): Verdict | undefined {
        const own = rows.filter(counted);
        if (own.length === 0) return undefined;
        const worst = Math.max(...own.map(({ fixedCost, dynamicCost }) => Math.abs(dynamicCost / fixedCost - 1)));
        return { holds: worst <= 0.01, detail: `largest difference ${number(100 * worst)} %` };
      },
    },
  ],
});
