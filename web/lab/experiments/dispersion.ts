/**
 * Scores that keep their spread σ while the text grows: independent N(0, σ²). Every probability is close to
 * e^(σz − σ²/2) / n then, so that the entropy is ln n − σ²/2: attention gets more even, without a limit.
 */
import type { RegimeRow, RegimeSweep } from "heed";
import { atMost, never, number } from "./checks.js";
import { defineExperiment, type RunOptions } from "./experiment.js";

/** The closed form is for large n: below these, the sample's own maximum matters. */
const shortest = 256;
const largestSigma = 1;
/** In nats. The sum over n keys fluctuates by e^(σ²) / n; 0.01 is what was seen at n = 256. */
const entropyTolerance = 0.05;

export const dispersion = defineExperiment({
  id: "dispersion",
  question: "Does attention get more even as the text grows, when scores keep their spread?",
  parameters: {
    n: [64, 256, 1024, 4096, 16384],
    sigma: [0.5, 1, 2, 3],
    weights: "none",
    rows: 64,
    repeats: 2,
    seed: 1,
  } satisfies RegimeSweep,
  run: (heed, parameters: RegimeSweep, options?: RunOptions) => heed.simulate("E5", parameters, options),
  claims: [
    {
      text: `For σ at most ${largestSigma} and n from ${shortest} on, the entropy is ln n − σ²/2 within ${entropyTolerance} nats.`,
      check: (rows: readonly RegimeRow[]) =>
        atMost(
          rows.filter(({ n, sigma }) => n >= shortest && sigma < largestSigma * 1.05),
          ({ entropy, entropyPredicted }) => Math.abs(entropy - entropyPredicted),
          entropyTolerance,
          ({ n, sigma, entropy, entropyPredicted }) =>
            `${number(entropy)} where ${number(entropyPredicted)} is predicted, at n = ${n}, σ = ${number(sigma)}`,
        ),
    },
    {
      text: "For every σ the largest weight of a row falls as n grows.",
      check: (rows: readonly RegimeRow[]) =>
        never("rises", rows, {
          group: ({ sigma }) => Math.round(sigma * 2),
          x: ({ n }) => n,
          y: ({ largest }) => largest,
          // Between neighboring lengths it falls by a tenth and more; sampling of 128 rows moves it by a few percent.
          tolerance: 0.01,
          tell: ({ n, largest }) => `${number(largest)} at n = ${n}`,
        }),
    },
  ],
});
