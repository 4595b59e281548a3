/**
 * When does keeping n^C entries keep the mass? With scores of spread σ = γ √(2 ln n) the dropped mass of n^C entries
 * goes to 0 if C > 1 − γ², and to 1 if C < 1 − γ²: the threshold of the random-energy model.
 */
import type { SufficiencySweep } from "heed";
import { largestBy, number, percent } from "./checks.js";
import { defineExperiment, type Heed, type RunOptions, type Verdict } from "./experiment.js";

export interface ThresholdParameters {
  n: readonly number[];
  gamma: readonly number[];
  exponent: number;
  rows: number;
  repeats: number;
  seed: number;
}

export interface ThresholdRow {
  n: number;
  gamma: number;
  exponent: number;
  sigma: number;
  k: number;
  dropped: number;
  l2: number;
}

/** At these lengths γ within this of the threshold is undecided: the mass moves like 1 / √(ln n). */
const undecided = 0.2;
const threshold = (exponent: number): number => Math.sqrt(1 - exponent);

async function* run(
  heed: Heed,
  { n, gamma, exponent, rows, repeats, seed }: ThresholdParameters,
  { signal, onProgress }: RunOptions = {},
): AsyncGenerator<ThresholdRow> {
  const points = gamma.flatMap((own) => n.map((length) => ({ gamma: own, length })));
  for (const [i, { gamma: own, length }] of points.entries()) {
    const sigma = own * Math.sqrt(2 * Math.log(length));
    const sweep: SufficiencySweep = {
      ...{ n: [length], keep: [1], exponent: [exponent], weights: "none", sigma, rows, repeats, seed },
    };
    for await (const row of heed.simulate("E2", sweep, signal ? { signal } : {})) {
      if (row.rule !== "power") continue;
      yield { n: length, gamma: own, exponent, sigma, k: row.k, dropped: row.dropped, l2: row.l2 };
    }
    onProgress?.({ loaded: i + 1, total: points.length });
  }
}

/** From the shortest to the longest length, for each γ. */
function changes(rows: readonly ThresholdRow[]): { gamma: number; exponent: number; first: number; last: number }[] {
  return [...new Set(rows.map(({ gamma }) => gamma))].flatMap((gamma) => {
    const own = rows.filter((row) => row.gamma === gamma).sort((a, b) => a.n - b.n);
    const [first, last] = [own[0], own.at(-1)];
    if (first === undefined || last === undefined || last.n < 8 * first.n) return [];
    return [{ gamma, exponent: first.exponent, first: first.dropped, last: last.dropped }];
  });
}

function decide(rows: readonly ThresholdRow[], side: "below" | "above"): Verdict | undefined {
  const own = changes(rows).filter(({ gamma, exponent }) =>
    side === "below" ? gamma < threshold(exponent) - undecided : gamma > threshold(exponent) + undecided / 2,
  );
  const sign = side === "below" ? 1 : -1;
  const worst = largestBy(own, ({ first, last }) => sign * (first - last));
  if (worst === undefined) return undefined;
  return {
    holds: sign * (worst.last - worst.first) > 0,
    detail: `γ = ${number(worst.gamma)}: from ${percent(worst.first)} to ${percent(worst.last)}`,
  };
}

export const massThreshold = defineExperiment({
  id: "mass-threshold",
  question: "How concentrated must scores be for n^C entries to keep the mass?",
  parameters: {
    n: [64, 256, 1024, 4096, 16384],
    gamma: [0.3, 0.5, 0.7, 0.9, 1.1],
    exponent: 0.5,
    rows: 64,
    repeats: 2,
    seed: 1,
  } satisfies ThresholdParameters,
  run,
  claims: [
    {
      text: "Well below the threshold γ = √(1 − C) the dropped mass grows with the text.",
      check: (rows: readonly ThresholdRow[]) => decide(rows, "below"),
    },
    {
      text: "Above it the dropped mass falls.",
      check: (rows: readonly ThresholdRow[]) => decide(rows, "above"),
    },
  ],
});
