/**
 * Tasks whose answer is known, by plain attention, by top-k attention and by what is proposed against dispersion: does
 * attention still give the answer as the context grows?
 */
import type { TaskResultRow, TaskSweep } from "heed";
import { atMost, largestBy, number, percent } from "./checks.js";
import { defineExperiment, type RunOptions, type Verdict } from "./experiment.js";

export const taskNames: Readonly<Record<TaskResultRow["task"], string>> = {
  needle: "find one needle",
  needles: "find four needles",
  average: "average all values",
  induction: "copy what came next",
  maximum: "find the largest",
};

export const methodNames: Readonly<Record<TaskResultRow["method"], string>> = {
  plain: "plain attention",
  logLength: "scores times ln n",
  adaptive: "adaptive temperature",
  offByOne: "softmax off by one",
  sink: "a sink",
  normalized: "normalized keys",
  bfloat: "sums in bf16",
  renormalized: "top-k, renormalized",
  compensated: "top-k, compensated",
  linear: "top-k, linear tail",
  scaledTopK: "top-k, scores times ln n",
};

type Result = (task: string, method: string) => TaskResultRow | undefined;

/** At the longest length. */
function longest(rows: readonly TaskResultRow[]): Result {
  const n = Math.max(...rows.map((row) => row.n));
  return (task, method) => rows.find((row) => row.n === n && row.task === task && row.method === method);
}

/** Chosen: three standard errors of 96 trials at a share of one half. */
const samplingTolerance = 0.15;

export const tasks = defineExperiment({
  id: "tasks",
  question: "Does attention still give the known answer as the context grows?",
  parameters: { n: [256, 1024, 4096], rows: 96, keep: 64, seed: 1 } satisfies TaskSweep,
  run: (heed, parameters: TaskSweep, options?: RunOptions) => heed.simulate("E17", parameters, options),
  claims: [
    {
      text: "Looking something up survives top-k: one needle, four, and copying are as right as with plain attention.",
      check(rows: readonly TaskResultRow[]): Verdict | undefined {
        const at = longest(rows);
        const pairs = ["needle", "needles", "induction"].flatMap((task) => {
          const [plain, cut] = [at(task, "plain"), at(task, "renormalized")];
          return plain === undefined || cut === undefined ? [] : [{ task, plain: plain.accuracy, cut: cut.accuracy }];
        });
        const worst = largestBy(pairs, ({ plain, cut }) => plain - cut);
        if (worst === undefined) return undefined;
        return {
          holds: worst.cut > worst.plain - samplingTolerance,
          detail: `${worst.task}: ${percent(worst.cut)} against ${percent(worst.plain)}`,
        };
      },
    },
    {
      text: "Averaging does not: top-k, renormalized, is right less than half of the time.",
      check(rows: readonly TaskResultRow[]): Verdict | undefined {
        const row = longest(rows)("average", "renormalized");
        return row && { holds: row.accuracy < 0.5, detail: `${percent(row.accuracy)} at n = ${row.n}` };
      },
    },
    {
      text: "Giving dropped entries their mean, or a line, repairs it: more than nine of ten are right.",
      check: (rows: readonly TaskResultRow[]) => {
        const at = longest(rows);
        const own = [at("average", "compensated"), at("average", "linear")].filter((row) => row !== undefined);
        return atMost(
          own,
          ({ accuracy }) => -accuracy,
          -0.9,
          ({ method, accuracy }) => `${method} ${percent(accuracy)}`,
        );
      },
    },
    {
      text: "Nothing helps with everything: scores times ln n make averages worse.",
      check(rows: readonly TaskResultRow[]): Verdict | undefined {
        const at = longest(rows);
        const [plain, scaled] = [at("average", "plain"), at("average", "logLength")];
        if (plain === undefined || scaled === undefined) return undefined;
        return {
          holds: scaled.error > plain.error,
          detail: `off by ${number(scaled.error)} instead of ${number(plain.error)}`,
        };
      },
    },
  ],
});
