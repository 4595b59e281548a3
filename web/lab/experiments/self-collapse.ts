/**
 * Queries and keys made by the same map (W = I): a token's score with itself is about √d, the others' spread is 1. The
 * token itself holds the attention until the others are so many that together they outweigh it, at
 * n* = e^(√d − 1/2).
 */
import type { RegimeRow, RegimeSweep } from "heed";
import { atMost, never, number, percent } from "./checks.js";
import { defineExperiment, type RunOptions, type Verdict } from "./experiment.js";

/** n* depends on the mean of the own scores exponentially; a quarter is what the theory's protocol allows. */
const crossoverTolerance = 0.25;

export const selfCollapse = defineExperiment({
  id: "self-collapse",
  question: "Does a token that knows itself keep looking at itself?",
  parameters: {
    n: [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384],
    weights: "identity",
    d: 64,
    rows: 128,
    seed: 1,
  } satisfies RegimeSweep,
  run: (heed, parameters: RegimeSweep, options?: RunOptions) => heed.simulate("E5", parameters, options),
  claims: [
    {
      text: "The token itself loses its hold: its weight never rises as n grows.",
      check: (rows: readonly RegimeRow[]) =>
        never("rises", rows, {
          x: ({ n }) => n,
          y: ({ self }) => self,
          tolerance: 0.02,
          tell: ({ n, self }) => `${percent(self)} at n = ${n}`,
        }),
    },
    {
      text: "It has most of the attention up to n*, and less than half beyond: the crossing is within a quarter of n*.",
      check(rows: readonly RegimeRow[]): Verdict | undefined {
        const crossing = halfWay(rows);
        const predicted = rows.at(-1)?.crossover;
        if (crossing === undefined || predicted === undefined) return undefined;
        return {
          holds: Math.abs(crossing / predicted - 1) <= crossoverTolerance,
          detail: `half the attention at n = ${number(crossing)}; predicted ${number(predicted)}`,
        };
      },
    },
    {
      text: "One entry above ε = 0.01 is a matter of length: at the longest n there is less than one.",
      check: (rows: readonly RegimeRow[]) =>
        atMost(
          rows.filter(({ n }) => n === Math.max(...rows.map((row) => row.n)) && n >= 8192),
          ({ effective }) => effective,
          1,
          ({ n, effective }) => `${number(effective)} entries at n = ${n}`,
        ),
    },
  ],
});

/** Where the token's own weight passes one half, between two lengths on the logarithmic scale. */
export function halfWay(rows: readonly RegimeRow[]): number | undefined {
  const sorted = [...rows].sort((a, b) => a.n - b.n);
  const after = sorted.findIndex(({ self }) => self < 0.5);
  const [before, next] = [sorted[after - 1], sorted[after]];
  if (before === undefined || next === undefined) return undefined;
  const share = (before.self - 0.5) / (before.self - next.self);
  return before.n * (next.n / before.n) ** share;
}
