/**
 * The calibration of study E21: α and C of k = α n^C through the entries that hold a share of a model's attention on
 * short texts, judged on longer ones.
 */
import type { Decoder } from "heed";
import { largestBy, number, percent, signed } from "./checks.js";
import { defineExperiment, type Heed, type RunOptions, type Verdict } from "./experiment.js";

export interface ModelLawParameters {
  /** The first two are fitted, the others held out. */
  lengths: readonly number[];
  /** Share of the attention to be kept. */
  mass: number;
  decoder: Decoder;
  text: { name: string; ids: readonly number[] };
}

/** Columns as in E21-calibration.csv. */
export interface ModelLawRow {
  text: string;
  n: number;
  role: string;
  /** Mean over rows, heads and layers. */
  needed: number;
  alpha: number;
  exponent: number;
  /** α n^C / (1 + C): the mean over the rows of a text. */
  predicted: number;
  /** Nats a token more than exact, keeping the share or what the law says, renormalized. */
  more_mass: number;
  more_law: number;
}

async function* run(
  _heed: Heed,
  { decoder, text, lengths, mass }: ModelLawParameters,
  { signal, onProgress }: RunOptions = {},
): AsyncGenerator<ModelLawRow> {
  const watched = signal ? { signal } : {};
  const share = { keep: { mass }, estimator: "renormalized" } as const;
  const total = 4 * lengths.reduce((sum, n) => sum + n, 0);
  let loaded = 0;
  const counted = async <Result>(n: number, work: Promise<Result>): Promise<Result> => {
    const result = await work;
    loaded += n;
    onProgress?.({ loaded, total });
    return result;
  };
  const needs: { n: number; needed: number }[] = [];
  for (const n of lengths) {
    const { kept } = await counted(n, decoder.profile(text.ids.slice(0, n), { attention: share, ...watched }));
    needs.push({ n, needed: kept.reduce((sum, one) => sum + one, 0) / kept.length });
  }
  const { alpha, exponent } = lawThrough(needs.slice(0, 2));
  for (const [i, { n, needed }] of needs.entries()) {
    const score = async (attention: Parameters<Decoder["score"]>[1]): Promise<number> =>
      (await counted(n, decoder.score(text.ids.slice(0, n), { ...attention, ...watched }))).loss;
    const exact = await score({ attention: "exact" });
    yield {
      text: text.name,
      ...{ n, needed, alpha, exponent },
      role: i < 2 ? "calibrated" : "held out",
      predicted: (alpha * n ** exponent) / (1 + exponent),
      more_mass: (await score({ attention: share })) - exact,
      more_law: (await score({ attention: { keep: { alpha, exponent }, estimator: "renormalized" } })) - exact,
    };
  }
}

/** Through two points on the logarithmic scale. The mean of α i^C over i = 1 … n is α n^C / (1 + C). */
function lawThrough(points: readonly { n: number; needed: number }[]): { alpha: number; exponent: number } {
  const [short, long] = points as readonly [{ n: number; needed: number }, { n: number; needed: number }];
  const exponent = Math.min(1, Math.max(0, Math.log(long.needed / short.needed) / Math.log(long.n / short.n)));
  return { exponent, alpha: (1 + exponent) * Math.sqrt((short.needed * long.needed) / (short.n * long.n) ** exponent) };
}

const heldOut = ({ role }: ModelLawRow): boolean => role === "held out";
/** How far a prediction may be off. */
const goal = 0.1;

export const modelLaw = defineExperiment({
  id: "model-law",
  question: "Do α and C of a model's short texts hold on its long ones?",
  parameters: { lengths: [256, 512, 1024], mass: 0.9 } satisfies Omit<ModelLawParameters, "decoder" | "text">,
  run,
  claims: [
    {
      text: `Fitted on the two shortest texts, k = α n^C is within ${percent(goal)} of what longer ones need.`,
      check(rows: readonly ModelLawRow[]): Verdict | undefined {
        const worst = largestBy(rows.filter(heldOut), ({ predicted, needed }) => Math.abs(predicted / needed - 1));
        return (
          worst && {
            holds: Math.abs(worst.predicted / worst.needed - 1) <= goal,
            detail: `${number(worst.predicted)} predicted, ${number(worst.needed)} needed at ${worst.n} tokens`,
          }
        );
      },
    },
    {
      text: "On longer texts the law costs no more than keeping the share itself, row by row.",
      check(rows: readonly ModelLawRow[]): Verdict | undefined {
        const worst = largestBy(rows.filter(heldOut), (row) => row.more_law - row.more_mass);
        return (
          worst && {
            holds: worst.more_law <= worst.more_mass,
            detail: `closest: ${signed(worst.more_law)} nats by the law, ${signed(worst.more_mass)} by the share, ${worst.n} tokens`,
          }
        );
      },
    },
  ],
});
