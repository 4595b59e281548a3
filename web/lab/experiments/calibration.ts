/**
 * α and C fitted on the short rows of a real head, judged on its long ones. The need of a row is the number of entries
 * that hold a given share of its attention; rows of similar length are taken together.
 */
import { largestBy, number, percent } from "./checks.js";
import { defineExperiment, type Heed, type RunOptions, type Verdict } from "./experiment.js";
import type { HeadInput } from "./head-input.js";

export interface CalibrationParameters {
  head: HeadInput;
  /** Share of the attention to be kept. */
  mass: number;
  /** Lengths per doubling. */
  density: number;
  /** Fitted on rows up to this share of the longest. */
  seen: number;
}

export interface NeedRow {
  n: number;
  /** Entries needed, mean over the rows around n. */
  needed: number;
  /** Rows at most this long were fitted. */
  seenTo: number;
  fit: number;
  grid: number;
  alpha: number;
  exponent: number;
}

const shortest = 32;
/** The protocol's goal for stationary data. Real text need not be. */
const goal = 0.25;

async function* run(
  heed: Heed,
  { head, mass, density, seen }: CalibrationParameters,
  { signal, onProgress }: RunOptions = {},
): AsyncGenerator<NeedRow> {
  const { q, k, v, n, shape } = head;
  const { kept } = await heed.attendTopK(q, k, v, {
    ...shape,
    keep: { mass },
    estimator: "renormalized",
    ...(signal && { signal }),
  });
  const bins = lengths(n, density).map((length) => {
    const [from, to] = [length * 2 ** (-0.5 / density), length * 2 ** (0.5 / density)];
    const rows = [...kept.subarray(Math.ceil(from) - 1, Math.min(n, Math.floor(to)))];
    return { n: length, needed: rows.reduce((sum, one) => sum + one, 0) / rows.length };
  });
  const known = bins.filter(({ n: length }) => length <= seen * n);
  const law = (method: "fit" | "grid") =>
    heed.theory.calibrate({ lengths: known.map((bin) => bin.n), entries: known.map((bin) => bin.needed), method });
  const [fit, grid] = await Promise.all([law("fit"), law("grid")]);
  for (const bin of bins) {
    yield {
      ...bin,
      seenTo: seen * n,
      fit: fit.alpha * bin.n ** fit.exponent,
      grid: grid.alpha * bin.n ** grid.exponent,
      alpha: fit.alpha,
      exponent: fit.exponent,
    };
  }
  onProgress?.({ loaded: 1, total: 1 });
}

/** From `shortest` to n, evenly on the logarithmic scale. */
function lengths(n: number, density: number): number[] {
  const count = Math.floor(Math.log2(n / shortest) * density);
  return Array.from({ length: count + 1 }, (_, i) => Math.round(n / 2 ** ((count - i) / density)));
}

const unseen = ({ n, seenTo }: NeedRow): boolean => n > seenTo;

export const calibration = defineExperiment({
  id: "calibration",
  question: "Do α and C of short rows hold on long ones?",
  parameters: { mass: 0.9, density: 2, seen: 0.25 } satisfies Omit<CalibrationParameters, "head">,
  run,
  claims: [
    {
      text: `Fitted on the shortest quarter, k = α n^C is within ${percent(goal)} of the need of every longer row.`,
      check(rows: readonly NeedRow[]): Verdict | undefined {
        const worst = largestBy(rows.filter(unseen), ({ fit, needed }) => Math.abs(fit / needed - 1));
        if (worst === undefined) return undefined;
        const error = worst.fit / worst.needed - 1;
        return {
          holds: Math.abs(error) <= goal,
          detail: `${number(worst.fit)} predicted, ${number(worst.needed)} needed at n = ${worst.n}`,
        };
      },
    },
    {
      text: "The need grows slower than the text: the fitted C is below 0.9.",
      check(rows: readonly NeedRow[]): Verdict | undefined {
        const [first] = rows;
        if (first === undefined) return undefined;
        return { holds: first.exponent < 0.9, detail: `C = ${number(first.exponent)}, α = ${number(first.alpha)}` };
      },
    },
  ],
});
