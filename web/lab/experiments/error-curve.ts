/**
 * What keeping only k entries per row costs on one head of real attention: the relative error of the output for four
 * ways of treating the dropped entries, and the dropped mass, which depends on k alone.
 *
 * With "linear" every dropped entry gets the value that the least-squares line of the dropped probabilities in their
 * scores has at its score, a + b (s − μ); the formula and what it leaves are in cpp/theory/README.md. How it compares
 * is not the same for every head, hence a claim that the reader sees decided for the head chosen.
 */
import type { Estimator } from "heed";
import { mean, relativeError } from "../framework/statistics.js";
import type { HeadInput } from "./head-input.js";
import { defineExperiment, type Heed, type RunOptions, type Verdict } from "./experiment.js";

export interface ErrorCurveParameters {
  head: HeadInput;
  k: readonly number[];
  estimators: readonly Estimator[];
}

export interface ErrorRow {
  k: number;
  estimator: string;
  /** ‖O − Ô‖_F / ‖O‖_F */
  error: number;
  /** Mean over rows of the dropped attention. */
  dropped: number;
}

async function* run(
  heed: Heed,
  { head, k: budgets, estimators }: ErrorCurveParameters,
  { signal, onProgress }: RunOptions = {},
): AsyncGenerator<ErrorRow> {
  const { q, k, v, shape } = head;
  const passed = signal === undefined ? {} : { signal };
  const reference = await heed.attend(q, k, v, { ...shape, ...passed });
  for (const [i, entries] of budgets.entries()) {
    for (const estimator of estimators) {
      const { out, dropped } = await heed.attendTopK(q, k, v, { ...shape, keep: { k: entries }, estimator, ...passed });
      yield { k: entries, estimator, error: relativeError(out, reference), dropped: mean(dropped) };
    }
    onProgress?.({ loaded: i + 1, total: budgets.length });
  }
}

/** Rounding of f32 sums over up to 2048 entries; far below anything a figure shows. */
const roundingTolerance = 1e-5;

export const errorCurve = defineExperiment({
  id: "error-curve",
  question: "How much does the output change when each row keeps only its k largest entries?",
  parameters: {
    k: [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024],
    estimators: ["renormalized", "raw", "compensated", "linear"],
  } satisfies Omit<ErrorCurveParameters, "head">,
  run,
  claims: [
    {
      text: "The dropped attention never rises as k grows.",
      check(rows: readonly ErrorRow[]): Verdict | undefined {
        const own = rows.filter((row) => row.estimator === "linear").sort((a, b) => a.k - b.k);
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
      text: "k = 8 with the linear tail is at least as accurate as k = 64 renormalized here.",
      check(rows: readonly ErrorRow[]): Verdict | undefined {
        const linear = errorOf(rows, 8, "linear");
        const renormalized = errorOf(rows, 64, "renormalized");
        if (linear === undefined || renormalized === undefined) return undefined;
        return {
          holds: linear <= renormalized + roundingTolerance,
          detail: `error ${percent(linear)} with 8 entries and a line, ${percent(renormalized)} with 64 entries`,
        };
      },
    },
    {
      text: "At every k, the line (linear) is at least as accurate as the mean (compensated).",
      check: (rows: readonly ErrorRow[]) => neverWorse(rows, "linear", "compensated"),
    },
    {
      text: "At every k, the mean (compensated) is at least as accurate as ignoring what is gone (renormalized).",
      check: (rows: readonly ErrorRow[]) => neverWorse(rows, "compensated", "renormalized"),
    },
  ],
});

function errorOf(rows: readonly ErrorRow[], k: number, estimator: string): number | undefined {
  return rows.find((row) => row.k === k && row.estimator === estimator)?.error;
}

/** Is the error of one estimator at most that of another at every k? */
function neverWorse(rows: readonly ErrorRow[], estimator: string, other: string): Verdict | undefined {
  const pairs = rows.flatMap((row) => {
    const theirs = errorOf(rows, row.k, other);
    return row.estimator === estimator && theirs !== undefined ? [{ k: row.k, ours: row.error, theirs }] : [];
  });
  if (pairs.length === 0) return undefined;
  const worse = pairs.filter(({ ours, theirs }) => ours > theirs + roundingTolerance);
  if (worse.length > 0) return { holds: false, detail: `not at k = ${worse.map(({ k }) => k).join(", ")}` };
  const ratios = pairs.filter(({ ours }) => ours > roundingTolerance).map(({ ours, theirs }) => theirs / ours);
  return {
    holds: true,
    detail:
      ratios.length === 0
        ? "both are exact up to rounding"
        : `its error is ${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)} times smaller`,
  };
}

function percent(share: number): string {
  return `${(100 * share).toPrecision(3)} %`;
}
