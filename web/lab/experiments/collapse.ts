/**
 * How many entries of a row exceed a fixed threshold epsilon as the context grows, for inputs without any structure:
 * X Gaussian, scores X W Xᵀ / √d with W = W_Q W_Kᵀ of independent Gaussians, so that a score has standard deviation
 * near 1.
 *
 * For Gaussian scores of standard deviation σ and large n, an entry is close to e^(σz − σ²/2) / n with z ~ N(0, 1),
 * hence |S_ε| / n → Φ((ln(εn) + σ²/2) / σ). The entries that exceed ε become many at first and then vanish: a softmax
 * over more and more keys spreads out.
 */
import type { CollapseParameters, CollapseRow } from "heed";
import { largestBy, never } from "./checks.js";
import { defineExperiment, type RunOptions, type Verdict } from "./experiment.js";

/**
 * How close the share must come: 1.5 / d. Given x_i, a score x_i W x_j is Gaussian, but its variance goes with |W x_i|²
 * and differs from row to row by a share of order 1 / √d; averaging Φ over that spread shifts the share by order 1 / d.
 * Measured over 12 seeds at d = 16 … 128 the largest difference is 1.1 / d.
 */
const tolerance = (d: number): number => 1.5 / d;
/**
 * The formula is for large n: it takes the softmax denominator for its mean, from which it differs by a share of
 * sqrt((e^(σ²) - 1) / n), a ninth at n = 128 and σ = 1.
 */
const shortest = 128;
/** Sampling noise between two neighboring lengths. */
const orderTolerance = 0.002;

export const collapse = defineExperiment({
  id: "collapse",
  question: "Does the share of negligible entries grow with the context when the input has no structure?",
  parameters: {
    n: [64, 128, 256, 512, 1024, 2048, 4096, 8192],
    d: 64,
    epsilon: [0.01, 0.001, 0.0001],
    rows: 256,
    weights: "independent",
    seed: 1,
  } satisfies CollapseParameters,
  run: (heed, parameters: CollapseParameters, options?: RunOptions) => heed.simulate("E1", parameters, options),
  claims: [
    {
      text: `From n = ${shortest} on, the measured share lies within 1.5/d of the closed form for Gaussian scores.`,
      check(rows: readonly CollapseRow[]): Verdict | undefined {
        const farthest = largestBy(
          rows.filter(({ n }) => n >= shortest),
          differenceFromClosedForm,
        );
        if (farthest === undefined) return undefined;
        const difference = differenceFromClosedForm(farthest);
        const allowed = tolerance(farthest.d);
        return {
          holds: difference <= allowed,
          detail: `largest difference ${difference.toFixed(4)} of at most ${allowed.toFixed(4)}, ${place(farthest)}`,
        };
      },
    },
    {
      text: "For every ε the share of negligible entries never falls as n grows.",
      check: (rows: readonly CollapseRow[]) =>
        never("falls", rows, {
          group: ({ epsilon }) => epsilon,
          x: ({ n }) => n,
          y: ({ ineffectiveShare }) => ineffectiveShare,
          tolerance: orderTolerance,
          tell: (row) => `${row.ineffectiveShare.toFixed(4)} ${place(row)}`,
        }),
    },
    {
      text: "No row has more than 1/ε entries above ε (they add up to 1, so this can never fail).",
      check(rows: readonly CollapseRow[]): Verdict | undefined {
        const fullest = largestBy(rows, ({ effective, epsilon }) => effective * epsilon);
        if (fullest === undefined) return undefined;
        const { effective, epsilon } = fullest;
        return {
          holds: effective * epsilon <= 1,
          detail: `closest: ${effective.toFixed(1)} of at most ${Math.round(1 / epsilon)}, ${place(fullest)}`,
        };
      },
    },
  ],
});

function place({ n, epsilon }: CollapseRow): string {
  return `at n = ${n}, ε = ${epsilon}`;
}

function differenceFromClosedForm({ ineffectiveShare, closedForm }: CollapseRow): number {
  return Math.abs(ineffectiveShare - closedForm);
}
