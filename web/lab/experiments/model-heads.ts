/**
 * How large the logits of each head of a model are, and how many entries of a row it follows that one must keep. R is the
 * paper's B² ‖W‖_F (scaled), R_rms the standard deviation of a logit between independent inputs, R_rope the same with
 * rotary positions. For Gaussian logits of that spread, keeping all but ε of the mass takes n Φ_c(σ + Φ⁻¹(ε)) entries.
 * Where rows of the head were recorded, both are measured as well.
 */
import { number } from "./checks.js";
import { defineExperiment, type Heed, type RunOptions, type Verdict } from "./experiment.js";
import type { HeadInput } from "./head-input.js";

/** What the experiment needs of a model (framework/model-file.ts). */
export interface HeadsOfModel {
  layers: readonly number[];
  config: { heads: number; headDim: number; base: number };
  head(layer: number, head: number): Promise<{ queryWeights: Float32Array; keyWeights: Float32Array }>;
}

export interface ModelHeadsParameters {
  model: HeadsOfModel;
  /** Length of a row. */
  n: number;
  /** The share of the attention that may be dropped. */
  epsilon: number;
  /** Rows recorded from the head, where there are any. */
  recorded?: (layer: number, head: number) => Promise<HeadInput | undefined>;
}

export interface ModelHeadRow {
  layer: number;
  head: number;
  /** In units of a logit. */
  R: number;
  R_rms: number;
  R_rope: number;
  stableRank: number;
  /** Entries that Gaussian logits of spread R_rope need. */
  keepPredicted: number;
  /** Spread of the logits of the recorded rows, and entries that the longest of them need; NaN without. */
  sigma: number;
  keepMeasured: number;
  /** Entries that Gaussian logits of the measured spread need. */
  keepFromSigma: number;
}

async function* run(
  heed: Heed,
  { model, n, epsilon, recorded }: ModelHeadsParameters,
  { signal, onProgress }: RunOptions = {},
): AsyncGenerator<ModelHeadRow> {
  const { heads, headDim, base } = model.config;
  let loaded = 0;
  for (const layer of model.layers) {
    for (let head = 0; head < heads; ++head) {
      signal?.throwIfAborted();
      const weights = await model.head(layer, head);
      const radius = await heed.theory.radius(
        { ...weights, headDim, rope: { base, length: n } },
        signal === undefined ? {} : { signal },
      );
      const spread = (radius.meanSquare * radius.ropeNorm) / Math.sqrt(headDim);
      const rows = await recorded?.(layer, head);
      const measured = rows === undefined ? undefined : await measure(heed, rows, epsilon);
      yield {
        layer,
        head,
        R: radius.radius,
        R_rms: radius.rmsRadius,
        R_rope: spread,
        stableRank: radius.stableRank,
        keepPredicted: await heed.theory.keepForMass({ n, sigma: spread, mass: 1 - epsilon }),
        sigma: measured?.sigma ?? Number.NaN,
        keepMeasured: measured?.keep ?? Number.NaN,
        keepFromSigma:
          measured === undefined
            ? Number.NaN
            : await heed.theory.keepForMass({ n, sigma: measured.sigma, mass: 1 - epsilon }),
      };
      onProgress?.({ loaded: ++loaded, total: model.layers.length * heads });
    }
  }
}

/** Over the second half of the rows, which are long. */
async function measure(heed: Heed, { q, k, v, n, shape }: HeadInput, epsilon: number) {
  const { kept } = await heed.attendTopK(q, k, v, {
    ...shape,
    keep: { mass: 1 - epsilon },
    estimator: "renormalized",
  });
  const scores = await heed.scores(q, k, shape);
  let variance = 0;
  let keep = 0;
  const half = n >> 1;
  for (let row = half; row < n; ++row) {
    const own = scores.subarray(row * n, row * n + row);
    const mean = own.reduce((sum, score) => sum + score, 0) / row;
    variance += own.reduce((sum, score) => sum + (score - mean) ** 2, 0) / row / half;
    keep += kept[row]! / half;
  }
  return { sigma: Math.sqrt(variance), keep };
}

/** Rank correlation; ties get the mean of their ranks. */
export function spearman(a: readonly number[], b: readonly number[]): number {
  const [x, y] = [ranks(a), ranks(b)];
  const mean = (a.length - 1) / 2;
  const sum = (p: readonly number[], q: readonly number[]): number =>
    p.reduce((total, value, i) => total + (value - mean) * (q[i]! - mean), 0);
  return sum(x, y) / Math.sqrt(sum(x, x) * sum(y, y));
}

function ranks(values: readonly number[]): number[] {
  return values.map((value) => {
    const below = values.filter((other) => other < value).length;
    const equal = values.filter((other) => other === value).length;
    return below + (equal - 1) / 2;
  });
}

const measuredRows = (rows: readonly ModelHeadRow[]): ModelHeadRow[] =>
  rows.filter(({ keepMeasured }) => Number.isFinite(keepMeasured));
/** Chosen: with fewer heads a rank correlation says little. */
const fewestHeads = 8;

export const modelHeads = defineExperiment({
  id: "model-heads",
  question: "Does the size of a head's weights tell how many entries it needs?",
  parameters: { n: 2048, epsilon: 0.1 },
  run,
  claims: [
    {
      text: "Heads with larger weights need fewer entries: the rank correlation of R_rms with the need is below −0.5.",
      check: (rows: readonly ModelHeadRow[]) => ranking(rows, ({ R_rms }) => R_rms),
    },
    {
      text: "The measured spread of the logits ranks them: its rank correlation with the need is below −0.5.",
      check: (rows: readonly ModelHeadRow[]) => ranking(rows, ({ sigma }) => sigma),
    },
    {
      text: "In every head the logits of real text spread wider than the weights say for unrelated inputs.",
      check(rows: readonly ModelHeadRow[]): Verdict | undefined {
        const own = measuredRows(rows);
        if (own.length < fewestHeads) return undefined;
        const wider = own.filter(({ sigma, R_rope }) => sigma > R_rope);
        const ratios = own.map(({ sigma, R_rope }) => sigma / R_rope);
        return {
          holds: wider.length === own.length,
          detail: `in ${wider.length} of ${own.length}; ${number(Math.min(...ratios))} to ${number(Math.max(...ratios))} times`,
        };
      },
    },
    {
      text: "The Gaussian rule for the measured spread gives the need within a factor of 2, in most heads.",
      check(rows: readonly ModelHeadRow[]): Verdict | undefined {
        const own = measuredRows(rows);
        if (own.length < fewestHeads) return undefined;
        const near = own.filter(
          ({ keepMeasured, keepFromSigma }) => keepFromSigma <= 2 * keepMeasured && keepFromSigma >= keepMeasured / 2,
        );
        return { holds: near.length > own.length / 2, detail: `in ${near.length} of ${own.length} heads` };
      },
    },
  ],
});

function ranking(rows: readonly ModelHeadRow[], by: (row: ModelHeadRow) => number): Verdict | undefined {
  const own = measuredRows(rows);
  if (own.length < fewestHeads) return undefined;
  const correlation = spearman(
    own.map(by),
    own.map(({ keepMeasured }) => keepMeasured),
  );
  return { holds: correlation < -0.5, detail: `${number(correlation)} over ${own.length} heads` };
}
