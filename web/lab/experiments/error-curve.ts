/**
 * What keeping only k entries per row costs on one head of real attention: the relative error of the output for three
 * ways of treating the dropped entries, and the dropped mass, which depends on k alone.
 */
import { defineExperiment, type Verdict } from "./experiment.js";

export interface ErrorRow {
  k: number;
  estimator: string;
  /** ‖O − Ô‖_F / ‖O‖_F */
  error: number;
  /** Mean over rows of the dropped attention. */
  dropped: number;
}

/** Rounding of f32 sums over up to 2048 entries; far below anything a figure shows. */
const roundingTolerance = 1e-5;

export const errorCurve = defineExperiment({
  id: "error-curve",
  question: "How much does the output change when each row keeps only its k largest entries?",
  parameters: {
    k: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
    estimators: ["renormalized", "raw", "compensated"] as const,
  },
  claims: [
    {
      text: "The dropped attention never rises as k grows.",
      check(rows: readonly ErrorRow[]): Verdict | undefined {
        const own = rows.filter((row) => row.estimator === "compensated").sort((a, b) => a.k - b.k);
        if (own.length < 2) return undefined;
        const rise = own.find((row, i) => i > 0 && row.dropped > own[i - 1]!.dropped + roundingTolerance);
        const [first, last] = [own[0]!, own.at(-1)!];
        return {
          holds: rise === undefined,
          detail:
            rise === undefined
              ? `from ${percent(first.dropped)} at k = ${first.k} down to ${percent(last.dropped)} at k = ${last.k}`
              : `it rises at k = ${rise.k}`,
        };
      },
    },
    {
      text: "At every k, putting back the mean of the dropped values (compensated) beats ignoring them (renormalized).",
      check(rows: readonly ErrorRow[]): Verdict | undefined {
        const pairs = rows.flatMap((row) => {
          const other = rows.find(({ k, estimator }) => k === row.k && estimator === "renormalized");
          return row.estimator === "compensated" && other !== undefined
            ? [{ k: row.k, compensated: row.error, renormalized: other.error }]
            : [];
        });
        if (pairs.length === 0) return undefined;
        const worse = pairs.filter(({ compensated, renormalized }) => compensated > renormalized + roundingTolerance);
        const ratios = pairs
          .filter(({ compensated }) => compensated > roundingTolerance)
          .map((pair) => pair.renormalized / pair.compensated);
        return {
          holds: worse.length === 0,
          detail:
            worse.length === 0
              ? `its error is ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} times smaller`
              : `not at k = ${worse.map(({ k }) => k).join(", ")}`,
        };
      },
    },
  ],
});

function percent(share: number): string {
  return `${(100 * share).toPrecision(3)} %`;
}
