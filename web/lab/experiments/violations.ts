/**
 * What is left of n^C when the theorem's assumptions (independent, bounded entries) are broken: C of the entries needed
 * to keep 90 % of the mass, fitted over the lengths, for one kind of violation and several strengths.
 */
import type { ViolationRow, ViolationSweep } from "heed";
import { atMost, number } from "./checks.js";
import { defineExperiment, type RunOptions, type Verdict } from "./experiment.js";

export interface ViolationKind {
  input: NonNullable<ViolationSweep["input"]>;
  name: string;
  /** What `strength` is, with its unit. */
  axis: string;
  /** From harmless to strong. */
  strengths: readonly number[];
}

export const violationKinds: readonly ViolationKind[] = [
  { input: "stationary", name: "neighbors alike", axis: "correlation of neighbors", strengths: [0, 0.5, 0.9, 0.99] },
  { input: "clustered", name: "topics", axis: "variance shared by a topic", strengths: [0, 0.25, 0.5, 0.75, 1] },
  { input: "student", name: "heavy tails", axis: "degrees of freedom of t", strengths: [100, 8, 4, 3, 2.1] },
  { input: "outliers", name: "outlier channels", axis: "size of every 16th channel", strengths: [1, 2, 4, 8, 16] },
  { input: "sink", name: "a sink", axis: "added to the first key's score", strengths: [0, 2, 4, 6, 8, 10] },
  { input: "duplicates", name: "repeated tokens", axis: "copies of a token", strengths: [1, 4, 16, 64] },
  { input: "lowDimension", name: "few dimensions", axis: "dimensions of the tokens", strengths: [64, 16, 4, 2, 1] },
];

/** C moves by at most this where an assumption does not matter; the fits' own standard error is below 0.03. */
const unmoved = 0.05;

export const violations = defineExperiment({
  id: "violations",
  question: "What is left of n^C when assumptions break?",
  parameters: {
    input: "sink",
    strength: violationKinds.find(({ input }) => input === "sink")!.strengths,
    n: [256, 512, 1024, 2048],
    rows: 64,
    repeats: 2,
    seed: 1,
  } satisfies ViolationSweep,
  run: (heed, parameters: ViolationSweep, options?: RunOptions) => heed.simulate("E9", parameters, options),
  claims: [
    {
      text: `C stays within ${unmoved} of that of Gaussian tokens at every strength.`,
      check(rows: readonly ViolationRow[]): Verdict | undefined {
        const [harmless] = rows;
        if (harmless === undefined || rows.length < 2) return undefined;
        return atMost(
          rows,
          ({ exponent }) => Math.abs(exponent - harmless.exponent),
          unmoved,
          ({ strength, exponent }) => `C = ${number(exponent)} at ${strength}, ${number(harmless.exponent)} at first`,
        );
      },
    },
    {
      text: "The need is a power of n at every strength: the fit's standard error of C is below 0.1.",
      check: (rows: readonly ViolationRow[]) =>
        atMost(
          rows,
          ({ exponentError }) => exponentError,
          0.1,
          ({ strength, exponentError }) => `${number(exponentError)} at ${strength}`,
        ),
    },
    {
      text: "The two-sided bound of ℓ2 holds in every row, whatever is broken (a theorem).",
      check: (rows: readonly ViolationRow[]) =>
        atMost(
          rows,
          ({ violations: outside }) => outside,
          0,
          ({ strength, violations: outside }) => `${outside} rows outside at ${strength}`,
        ),
    },
  ],
});
