/**
 * Study E21: what attention policies cost a language model, in nats a token. It stands in for LongBench and LLaMA-3-8B,
 * which it does not replace: one small model and two novels. The long rows are those of `heed eval`
 * (tests/studies/results); run here, it takes short texts.
 */
import type { Decoder } from "heed";
import { largestBy, signed } from "./checks.js";
import { defineExperiment, type Heed, type RunOptions, type Verdict } from "./experiment.js";
import { policyOf, type NamedPolicy } from "./model-policies.js";

export interface LanguageModelParameters {
  /** Tokens of each text. */
  lengths: readonly number[];
  /** "exact" comes first. */
  policies: readonly NamedPolicy[];
  decoder: Decoder;
  texts: readonly { name: string; ids: readonly number[] }[];
}

/** Columns as in E21-loss.csv. */
export interface LossRow extends NamedPolicy {
  text: string;
  n: number;
  /** Nats a token. */
  loss: number;
  /** Than with exact attention. */
  more: number;
}

async function* run(
  _heed: Heed,
  { decoder, texts, lengths, policies }: LanguageModelParameters,
  { signal, onProgress }: RunOptions = {},
): AsyncGenerator<LossRow> {
  const calls = lengths.flatMap((n) => texts.flatMap((text) => policies.map((policy) => ({ n, text, policy }))));
  const total = calls.reduce((sum, { n }) => sum + n, 0);
  let [loaded, exact] = [0, Number.NaN];
  for (const { n, text, policy } of calls) {
    const { loss } = await decoder.score(text.ids.slice(0, n), {
      attention: policyOf(policy),
      ...(signal && { signal }),
    });
    if (policy.policy === "exact") exact = loss;
    loaded += n;
    onProgress?.({ loaded, total });
    yield { text: text.name, n, ...policy, loss, more: loss - exact };
  }
}

/** The goal for k = 8 with the linear tail, nats a token. */
const goal = 0.015;

const tell = (row: LossRow): string =>
  `${signed(row.more)} nats with ${row.policy}${row.estimator && `, ${row.estimator}`} at ${row.n} tokens (${row.text})`;

const isTail = ({ policy, estimator }: LossRow): boolean => policy === "k=8" && estimator === "linear";

/** The row of the same text and length that `wanted` picks. */
function beside(rows: readonly LossRow[], to: LossRow, wanted: (row: LossRow) => boolean): LossRow | undefined {
  return rows.find((row) => row.text === to.text && row.n === to.n && wanted(row));
}

/** Does `better` lose less than what stands beside it, in every pair there is? */
function losesLess(pairs: readonly (readonly [better: LossRow, other: LossRow])[]): Verdict | undefined {
  const worst = largestBy(pairs, ([better, other]) => better.more - other.more);
  if (worst === undefined) return undefined;
  const [better, other] = worst;
  return { holds: better.more < other.more, detail: `closest: ${tell(better)}, ${tell(other)}` };
}

export const languageModel = defineExperiment({
  id: "language-model",
  question: "What do attention policies cost a language model?",
  parameters: {
    lengths: [256, 512, 1024],
    policies: [
      { policy: "exact", estimator: "" },
      { policy: "k=8", estimator: "linear" },
      { policy: "k=8", estimator: "compensated" },
      { policy: "k=8", estimator: "renormalized" },
      { policy: "k=8", estimator: "raw" },
      { policy: "0.9423n^0.25", estimator: "linear" },
      { policy: "0.1108n^0.5", estimator: "linear" },
      { policy: "window=60+4", estimator: "" },
    ],
  } satisfies Omit<LanguageModelParameters, "decoder" | "texts">,
  run,
  claims: [
    {
      text: `8 entries with the linear tail cost at most ${goal} nats a token, whatever the length.`,
      check(rows: readonly LossRow[]): Verdict | undefined {
        const worst = largestBy(rows.filter(isTail), ({ more }) => more);
        return worst && { holds: worst.more <= goal, detail: `most: ${tell(worst)}` };
      },
    },
    {
      text: "Without a tail (renormalized, the paper's estimator) the same entries cost more than ten times that goal.",
      check(rows: readonly LossRow[]): Verdict | undefined {
        const least = largestBy(
          rows.filter(({ policy, estimator }) => policy === "k=8" && estimator === "renormalized"),
          ({ more }) => -more,
        );
        return least && { holds: least.more > 10 * goal, detail: `least: ${tell(least)}` };
      },
    },
    {
      text: "A window loses more than 8 entries with the linear tail, though it keeps many times as many.",
      check(rows: readonly LossRow[]): Verdict | undefined {
        return losesLess(
          rows.filter(isTail).flatMap((row) => {
            const window = beside(rows, row, ({ policy }) => policy.startsWith("window="));
            return window === undefined ? [] : [[row, window] as const];
          }),
        );
      },
    },
    {
      text: "At equal cost a growing number, k = α n^C with C = 1/4 or 1/2, loses less than a fixed one, at the longest text.",
      check(rows: readonly LossRow[]): Verdict | undefined {
        const grows = ({ policy, estimator }: LossRow): boolean =>
          /n\^0\.(25|5)$/.test(policy) && estimator === "linear";
        const longest = Math.max(...rows.filter(grows).map(({ n }) => n));
        return losesLess(
          rows
            .filter((row) => grows(row) && row.n === longest)
            .flatMap((row) => {
              const fixed = beside(rows, row, isTail);
              return fixed === undefined ? [] : [[row, fixed] as const];
            }),
        );
      },
    },
  ],
});
