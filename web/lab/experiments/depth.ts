/**
 * Sparse attention in a stack of random blocks: what happens to the error of one layer on its way through the others,
 * with and without the path that adds a block to its input.
 */
import type { DepthRow, DepthSweep } from "heed";
import { atMost, number } from "./checks.js";
import { defineExperiment, type RunOptions } from "./experiment.js";

export const depth = defineExperiment({
  id: "depth",
  question: "Does the error of sparse attention grow through many layers?",
  parameters: { n: 128, layers: 12, keep: 11, repeats: 2, seed: 1 } satisfies DepthSweep,
  run: (heed, parameters: DepthSweep, options?: RunOptions) => heed.simulate("E15", parameters, options),
  claims: [
    {
      text: "With a residual path and an MLP, errors add up like those of unrelated layers, and no faster (within 15 %).",
      check: (rows: readonly DepthRow[]) =>
        atMost(
          rows.filter(({ residual, mlp, accumulated }) => residual === "yes" && mlp === "yes" && accumulated > 0),
          ({ accumulated }) => accumulated,
          1.15,
          ({ layer, norm, accumulated }) => `${number(accumulated)} times, layer ${layer}, ${norm}-norm`,
        ),
    },
    {
      text: "With a residual path no layer after the sixth multiplies the error by more than 1.35.",
      check: (rows: readonly DepthRow[]) =>
        atMost(
          rows.filter(({ residual, layer, growth }) => residual === "yes" && layer > 6 && growth > 0),
          ({ growth }) => growth,
          1.35,
          ({ layer, norm, growth }) => `${number(growth)} at layer ${layer}, ${norm}-norm`,
        ),
    },
    {
      text: "Without it, tokens become one: after the last layer two of them have a cosine above 0.99.",
      check: (rows: readonly DepthRow[]) =>
        atMost(
          rows.filter(({ residual, layer }) => residual === "no" && layer >= 12),
          ({ cosine }) => -cosine,
          -0.99,
          ({ layer, cosine }) => `${number(cosine)} at layer ${layer}`,
        ),
    },
  ],
});
