/** The pass keys of study E21: of numbers planted in a novel at different depths, how many are found. */
import type { Decoder } from "heed";
import { isAnswer, knownWords, passKeyPrompt } from "../device/pass-key.js";
import { largestBy } from "./checks.js";
import { defineExperiment, type Heed, type RunOptions, type Verdict } from "./experiment.js";
import { policyOf, type NamedPolicy } from "./model-policies.js";

export interface PassKeysParameters {
  /** Tokens of each prompt. */
  lengths: readonly number[];
  /** Numbers for each length. */
  trials: number;
  policies: readonly NamedPolicy[];
  decoder: Decoder;
  /** Ids of a novel, without a special token at its start. */
  filler: readonly number[];
}

/** Columns as in E21-passkey.csv. */
export interface PassKeyRow extends NamedPolicy {
  n: number;
  trials: number;
  found: number;
}

async function* run(
  _heed: Heed,
  { decoder, filler, lengths, trials, policies }: PassKeysParameters,
  { signal, onProgress }: RunOptions = {},
): AsyncGenerator<PassKeyRow> {
  const total = lengths.reduce((sum, n) => sum + n, 0) * policies.length * trials;
  let loaded = 0;
  for (const n of lengths) {
    for (const policy of policies) {
      let found = 0;
      for (let trial = 0; trial < trials; ++trial) {
        // Five digits that tell the trials apart: multiples of a prime.
        const key = String(10000 + (((trial + 1) * 48271 + n * 7) % 90000));
        const depth = (trial + 0.5) / trials;
        const word = knownWords[trial % knownWords.length]!;
        const ids = await passKeyPrompt(decoder, filler, { n, depth, word, key });
        let said = "";
        const options = { attention: policyOf(policy), tokens: 8, ...(signal && { signal }) };
        for await (const token of decoder.generate(ids, options)) said += token.text;
        if (isAnswer(said, key)) ++found;
        loaded += n;
        onProgress?.({ loaded, total });
      }
      yield { n, ...policy, trials, found };
    }
  }
}

const share = ({ found, trials }: PassKeyRow): number => found / trials;
const tell = (row: PassKeyRow): string =>
  `${row.found} of ${row.trials} with ${row.policy}${row.estimator && `, ${row.estimator}`} at ${row.n} tokens`;

export const passKeys = defineExperiment({
  id: "pass-keys",
  question: "Who finds a number that was planted in a long text?",
  parameters: {
    lengths: [512, 1024],
    trials: 2,
    policies: [
      { policy: "exact", estimator: "" },
      { policy: "k=8", estimator: "linear" },
      { policy: "k=8", estimator: "renormalized" },
      { policy: "window=60+4", estimator: "" },
    ],
  } satisfies Omit<PassKeysParameters, "decoder" | "filler">,
  run,
  claims: [
    {
      text: "8 entries find what exact attention finds, with every estimator and at every length.",
      check(rows: readonly PassKeyRow[]): Verdict | undefined {
        const pairs = rows
          .filter(({ policy }) => policy === "k=8")
          .flatMap((row) => {
            const exact = rows.find(({ n, policy }) => n === row.n && policy === "exact");
            return exact === undefined ? [] : [{ row, exact }];
          });
        const worst = largestBy(pairs, ({ row, exact }) => share(exact) - share(row));
        return (
          worst && { holds: share(worst.row) >= share(worst.exact), detail: `${tell(worst.row)}, ${tell(worst.exact)}` }
        );
      },
    },
    {
      text: "A window finds only what lies within its reach: fewer than half at every length.",
      check(rows: readonly PassKeyRow[]): Verdict | undefined {
        const best = largestBy(
          rows.filter(({ policy }) => policy.startsWith("window=")),
          share,
        );
        return best && { holds: share(best) < 0.5, detail: `most: ${tell(best)}` };
      },
    },
    {
      text: "Exact attention finds every number, at every length.",
      check(rows: readonly PassKeyRow[]): Verdict | undefined {
        const worst = largestBy(
          rows.filter(({ policy }) => policy === "exact"),
          (row) => -share(row),
        );
        return worst && { holds: share(worst) === 1, detail: `fewest: ${tell(worst)}` };
      },
    },
  ],
});
