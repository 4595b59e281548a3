/**
 * Scores whose spread grows with the text, σ = γ √(2 ln n): the random-energy model. Below γ = 1 the attention lies on
 * about n^(1 − γ²) entries, above it on a handful, however long the text is.
 */
import type { RegimeRow, RegimeSweep } from "heed";
import { atMost, never, number, percent } from "./checks.js";
import { defineExperiment, type RunOptions, type Verdict } from "./experiment.js";

/** Chosen: participation of a frozen row at these lengths is 3 to 9 where its limit is a constant near 1. */
const handful = 15;

/** γ as asked for; the rows have the measured one. */
const gammaOf = ({ gamma }: RegimeRow): number => Math.round(gamma * 10) / 10;

export const condensation = defineExperiment({
  id: "condensation",
  question: "Where is the border between many entries and a handful?",
  parameters: {
    n: [64, 256, 1024, 4096, 16384],
    gamma: [0.4, 0.7, 0.9, 1.1, 1.3],
    weights: "none",
    rows: 64,
    repeats: 2,
    seed: 1,
  } satisfies RegimeSweep,
  run: (heed, parameters: RegimeSweep, options?: RunOptions) => heed.simulate("E5", parameters, options),
  claims: [
    {
      text: `Beyond the border (γ above 1) at most ${handful} entries share the attention at every length.`,
      check: (rows: readonly RegimeRow[]) =>
        atMost(
          rows.filter((row) => gammaOf(row) > 1),
          ({ participation }) => participation,
          handful,
          (row) => `${number(row.participation)} at n = ${row.n}, γ = ${gammaOf(row)}`,
        ),
    },
    {
      text: "Before it (γ = 0.4) their number multiplies by more than 20 from the shortest to the longest text.",
      check(rows: readonly RegimeRow[]): Verdict | undefined {
        const own = rows.filter((row) => gammaOf(row) === 0.4).sort((a, b) => a.n - b.n);
        const [first, last] = [own[0], own.at(-1)];
        if (first === undefined || last === undefined || last.n < 64 * first.n) return undefined;
        return {
          holds: last.participation > 20 * first.participation,
          detail: `from ${number(first.participation)} to ${number(last.participation)} entries`,
        };
      },
    },
    {
      text: "At every length the largest weight grows with γ.",
      check: (rows: readonly RegimeRow[]) =>
        never("falls", rows, {
          group: ({ n }) => n,
          x: ({ gamma }) => gamma,
          y: ({ largest }) => largest,
          tolerance: 0,
          tell: (row) => `${percent(row.largest)} at n = ${row.n}, γ = ${gammaOf(row)}`,
        }),
    },
  ],
});
