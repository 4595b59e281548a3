/**
 * Rows of Gaussian tokens, cut to their k largest entries and renormalized, with k by five rules: a constant, ln n, and
 * three powers of n. Two distances to the exact row: ℓ2, which n^C brings to zero, and the dropped mass (the total
 * variation), which nothing here brings to zero.
 */
import type { SufficiencyRow, SufficiencySweep } from "heed";
import { atMost, never, number, percent } from "./checks.js";
import { defineExperiment, type RunOptions } from "./experiment.js";

/** "n^0.5" as a reader writes it. */
export function ruleName({ rule, value }: Pick<SufficiencyRow, "rule" | "value">): string {
  return {
    constant: `k = ${value}`,
    power: { 0.25: "⁴√n", 0.5: "√n", 0.75: "n / ⁴√n" }[value] ?? `n^${value}`,
    log: value === 1 ? "ln n" : `${value} ln n`,
    sqrtLog: "√ln n",
    logLog: "ln ln n",
  }[rule];
}

const isPower = ({ rule, value }: SufficiencyRow): boolean => rule === "power" && value >= 0.5;
/** Few of the 64 sampled rows: their means move by a percent or so. */
const samplingTolerance = 0.02;
/** Measured against the closed form at k >= 8 over ten repeats: 4 %; with fewer rows a little more. */
const closedTolerance = 0.08;
const place = (row: SufficiencyRow): string => `${ruleName(row)} (k = ${row.k}) at n = ${row.n}`;

export const sufficiency = defineExperiment({
  id: "sufficiency",
  question: "Are n^C entries enough?",
  parameters: {
    n: [64, 128, 256, 512, 1024, 2048, 4096],
    keep: [1, 8],
    exponent: [0.25, 0.5, 0.75],
    rows: 64,
    repeats: 2,
    seed: 1,
  } satisfies SufficiencySweep,
  run: (heed, parameters: SufficiencySweep, options?: RunOptions) => heed.simulate("E2", parameters, options),
  claims: [
    {
      text: "With √n entries and more, the ℓ2 error never rises as n grows.",
      check: (rows: readonly SufficiencyRow[]) =>
        never("rises", rows.filter(isPower), {
          group: ({ value }) => value,
          x: ({ n }) => n,
          y: ({ l2 }) => l2,
          tolerance: 0.003,
          tell: (row) => `${number(row.l2)} with ${place(row)}`,
        }),
    },
    {
      text: "With 8 entries it never falls.",
      check: (rows: readonly SufficiencyRow[]) =>
        never(
          "falls",
          rows.filter(({ rule, value }) => rule === "constant" && value === 8),
          {
            x: ({ n }) => n,
            y: ({ l2 }) => l2,
            tolerance: samplingTolerance * 0.35,
            tell: (row) => `${number(row.l2)} at n = ${row.n}`,
          },
        ),
    },
    {
      text: "In dropped mass nothing converges: it never falls, by any of the rules.",
      check: (rows: readonly SufficiencyRow[]) =>
        never("falls", rows, {
          group: ruleName,
          x: ({ n }) => n,
          y: ({ dropped }) => dropped,
          // k is a whole number: where rounding makes it jump, the dropped mass gives way a little.
          tolerance: 0.04,
          tell: (row) => `${percent(row.dropped)} with ${place(row)}`,
        }),
    },
    {
      text: "For 8 entries and more, the ℓ2 error is that of Gaussian scores within 8 %.",
      check: (rows: readonly SufficiencyRow[]) =>
        atMost(
          rows.filter(({ k, n }) => k >= 8 && k < n),
          ({ l2, closedL2 }) => Math.abs(l2 / closedL2 - 1),
          closedTolerance,
          (row) => `${number(row.l2)} where ${number(row.closedL2)} is predicted, ${place(row)}`,
        ),
    },
    {
      text: "No row lies outside the two-sided bound τ²/k ≤ ℓ2² ≤ (τ² e^Δ + τ(1 − τ))/k (a theorem).",
      check: (rows: readonly SufficiencyRow[]) =>
        atMost(
          rows,
          ({ violations }) => violations,
          0,
          (row) => `${row.violations} rows outside, ${place(row)}`,
        ),
    },
    {
      text: "The metric (1/n) ‖P̂ − P‖ falls even for a single entry, so it tells nothing apart.",
      check: (rows: readonly SufficiencyRow[]) =>
        never(
          "rises",
          rows.filter(({ rule, value }) => rule === "constant" && value === 1),
          {
            x: ({ n }) => n,
            y: ({ frobenius }) => frobenius,
            tolerance: 0,
            tell: (row) => `${number(row.frobenius)} at n = ${row.n}`,
          },
        ),
    },
  ],
});
