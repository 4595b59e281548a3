/**
 * What a row can promise without having seen all of its scores, on one head: three upper bounds of the dropped attention
 * from less and less evidence, beside the truth; and a bound of the output's error beside the error.
 */
import { atMost, number, percent } from "./checks.js";
import type { HeadInput } from "./head-input.js";
import { defineExperiment, type Heed, type RunOptions, type Verdict } from "./experiment.js";

export interface CertificateParameters {
  head: HeadInput;
  k: readonly number[];
}

export interface CertificateRow {
  k: number;
  /** Means over the rows that drop something. */
  dropped: number;
  blockwise: number;
  headAware: number;
  singleGap: number;
  error: number;
  outputError: number;
  /** Rows in which a bound lies below what it bounds. */
  broken: number;
  rows: number;
}

/** Rounding of the reference's own f32 sums, which the bounds need not cover. */
const roundingTolerance = 2e-6;

async function* run(
  heed: Heed,
  { head, k: budgets }: CertificateParameters,
  { signal, onProgress }: RunOptions = {},
): AsyncGenerator<CertificateRow> {
  const { q, k, v, n, shape } = head;
  const passed = signal === undefined ? {} : { signal };
  const exact = await heed.attend(q, k, v, { ...shape, accumulate: "f64", ...passed });
  for (const [i, entries] of budgets.entries()) {
    const { out, dropped, certificates } = await heed.attendTopK(q, k, v, {
      ...shape,
      keep: { k: entries },
      estimator: "renormalized",
      certificates: true,
      ...passed,
    });
    const own = Array.from({ length: n - entries }, (_, row) => row + entries);
    const error = (row: number): number => {
      let sum = 0;
      for (let at = row * shape.headDim; at < (row + 1) * shape.headDim; ++at) sum += (out[at]! - exact[at]!) ** 2;
      return Math.sqrt(sum);
    };
    const broken = own.filter((row) => {
      const tau = dropped[row]! - roundingTolerance;
      const { singleGap, headAware, blockwise, outputError } = certificates;
      return (
        singleGap[row]! < tau ||
        headAware[row]! < tau ||
        blockwise[row]! < tau ||
        outputError[row]! < error(row) - roundingTolerance
      );
    });
    const mean = (of: (row: number) => number): number =>
      own.reduce((sum, row) => sum + of(row), 0) / Math.max(1, own.length);
    yield {
      k: entries,
      dropped: mean((row) => dropped[row]!),
      blockwise: mean((row) => certificates.blockwise[row]!),
      headAware: mean((row) => certificates.headAware[row]!),
      singleGap: mean((row) => certificates.singleGap[row]!),
      error: mean(error),
      outputError: mean((row) => certificates.outputError[row]!),
      broken: broken.length,
      rows: own.length,
    };
    onProgress?.({ loaded: i + 1, total: budgets.length });
  }
}

export const certificates = defineExperiment({
  id: "certificates",
  question: "What can be promised without looking at every key?",
  parameters: { k: [4, 8, 16, 32, 64, 128, 256] } satisfies Omit<CertificateParameters, "head">,
  run,
  claims: [
    {
      text: "No bound lies below what it bounds, in any row (theorems, rounding included).",
      check: (rows: readonly CertificateRow[]) =>
        atMost(
          rows,
          ({ broken }) => broken,
          0,
          ({ k, broken, rows: count }) => `${broken} of ${count} rows at k = ${k}`,
        ),
    },
    {
      text: "The bound that knows the kept scores (head-aware) is never above the one that knows a gap only.",
      check: (rows: readonly CertificateRow[]) =>
        atMost(
          rows,
          ({ headAware, singleGap }) => headAware - singleGap,
          1e-6,
          ({ k, headAware, singleGap }) => `${percent(headAware)} against ${percent(singleGap)} at k = ${k}`,
        ),
    },
    {
      text: "The single gap is near-vacuous on real rows: it says more than 80 % at every k up to 64.",
      check(rows: readonly CertificateRow[]): Verdict | undefined {
        const own = rows.filter(({ k }) => k <= 64);
        return atMost(
          own,
          ({ singleGap }) => 0.8 - singleGap,
          0,
          ({ k, singleGap, dropped }) => `${percent(singleGap)} where ${percent(dropped)} is dropped, at k = ${k}`,
        );
      },
    },
    {
      text: "The bound of the output's error is within a factor of 20 of the error.",
      check: (rows: readonly CertificateRow[]) =>
        atMost(
          rows.filter(({ error }) => error > 1e-5),
          ({ error, outputError }) => outputError / error,
          20,
          ({ k, error, outputError }) => `${number(outputError)} where the error is ${number(error)}, at k = ${k}`,
        ),
    },
  ],
});
