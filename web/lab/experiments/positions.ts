/**
 * What positions do to R. With rotary positions the weights of a head turn with the distance of two tokens; averaged over
 * all distances, R has a closed form. ALiBi subtracts a bias that grows with the distance instead.
 */
import type { PositionRow, PositionSweep } from "heed";
import { atMost, number } from "./checks.js";
import { defineExperiment, type RunOptions } from "./experiment.js";

/** 32 rows measure a standard deviation to a few percent. */
const measuredTolerance = 0.1;

const place = ({ positions, value, offset }: PositionRow): string =>
  `${positions}${positions === "none" ? "" : ` ${value}`}, ${offset} tokens apart`;

export const positions = defineExperiment({
  id: "positions",
  question: "What do positions do to R?",
  parameters: {
    n: 2048,
    base: [1e4, 1e6],
    slope: [1 / 16],
    offset: [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 2047],
    rows: 32,
    seed: 1,
  } satisfies PositionSweep,
  run: (heed, parameters: PositionSweep, options?: RunOptions) => heed.simulate("E16", parameters, options),
  claims: [
    {
      text: "At every distance the measured spread of the scores is R_rms of the turned weights, within 10 %.",
      check: (rows: readonly PositionRow[]) =>
        atMost(
          rows,
          ({ measured, radius }) => Math.abs(measured / radius - 1),
          measuredTolerance,
          (row) => `${number(row.measured)} where ${number(row.radius)} is predicted, ${place(row)}`,
        ),
    },
    {
      text: "Rotary positions, independent weights: the average over distances is the closed form within 3 %.",
      check: (rows: readonly PositionRow[]) =>
        atMost(
          rows.filter((row) => row.positions === "rope"),
          ({ closed, average }) => Math.abs(closed / average - 1),
          0.03,
          (row) => `${number(row.average)} where ${number(row.closed)} is predicted, base ${row.value}`,
        ),
    },
  ],
});
