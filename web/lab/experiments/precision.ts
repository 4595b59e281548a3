/**
 * What a sum in a narrow format cannot see. Added one after the other, a weight below half a unit in the last place of
 * the sum so far changes nothing: the longer the row, the smaller its weights, and the more keys are lost.
 */
import type { PrecisionRow, PrecisionSweep } from "heed";
import { atMost, number, percent } from "./checks.js";
import { defineExperiment, type RunOptions, type Verdict } from "./experiment.js";

/** Rounding up lets a key of a hundredth below the half unit through. */
const roundingTolerance = 1.01;

const of = (rows: readonly PrecisionRow[], format: string, method: string, n?: number): PrecisionRow | undefined =>
  rows.find((row) => row.format === format && row.method === method && (n === undefined || row.n === n));

export const precision = defineExperiment({
  id: "precision",
  question: "Which keys does a sum in a narrow format lose?",
  parameters: { n: [256, 1024, 4096, 16384], rows: 16, seed: 1 } satisfies PrecisionSweep,
  run: (heed, parameters: PrecisionSweep, options?: RunOptions) => heed.simulate("E12", parameters, options),
  claims: [
    {
      text: "A plain sum loses no key above half a unit in its last place.",
      check: (rows: readonly PrecisionRow[]) =>
        atMost(
          rows.filter(({ method }) => method === "naive"),
          ({ lost, keys, visible }) => lost - roundingTolerance * (keys - visible),
          0.5,
          ({ format, n, lost, keys, visible }) =>
            `${number(lost)} lost, ${number(keys - visible)} below, ${format} at n = ${n}`,
        ),
    },
    {
      text: "In 16 bits the output of a plain sum gets worse by more than 20 times from the shortest to the longest row.",
      check(rows: readonly PrecisionRow[]): Verdict | undefined {
        const lengths = rows.map(({ n }) => n);
        const [least, most] = [Math.min(...lengths), Math.max(...lengths)];
        const grown = ["bf16", "f16"].map((format) => {
          const [first, last] = [of(rows, format, "naive", least), of(rows, format, "naive", most)];
          return first === undefined || last === undefined ? Number.NaN : last.outputError / first.outputError;
        });
        if (!(most >= 16 * least) || grown.some(Number.isNaN)) return undefined;
        return { holds: Math.min(...grown) > 20, detail: `bf16 ${number(grown[0]!)}, f16 ${number(grown[1]!)} times` };
      },
    },
    {
      text: "Kahan's and pairwise sums keep the output of 16 bits within 5 % of the exact one.",
      check: (rows: readonly PrecisionRow[]) =>
        atMost(
          rows.filter(
            ({ format, method }) => ["bf16", "f16"].includes(format) && ["kahan", "pairwise"].includes(method),
          ),
          ({ outputError }) => outputError,
          0.05,
          ({ format, method, n, outputError }) => `${percent(outputError)}, ${format}, ${method} at n = ${n}`,
        ),
    },
  ],
});
