/** The length of a worker's steps, on a clock that only the units move. */
import { expect, test } from "vitest";

import { runInSteps } from "../../../web/src/worker/steps.js";

/** Units that cost so many ms on one thread. Returns what each step took, and how many units it had. */
async function stepsOf(costs: readonly number[], threads: number): Promise<{ ms: number; units: number }[]> {
  const steps: { ms: number; units: number }[] = [];
  let clock = 0;
  let done = 0;
  const operation = {
    units: costs.length,
    run(from: number, to: number) {
      expect(from).toBe(done);
      done = to;
      // Each unit goes to the thread that is free first.
      const busy = new Array<number>(threads).fill(0);
      for (const cost of costs.slice(from, to)) {
        busy.sort((a, b) => a - b);
        busy[0]! += cost;
      }
      const ms = Math.max(...busy);
      clock += ms;
      steps.push({ ms, units: to - from });
    },
    finish: () => undefined,
    release: () => undefined,
  };
  const quiet = { pause: () => Promise.resolve(), cancelled: () => false, report: () => undefined };
  await runInSteps(operation, { threads, ...quiet, now: () => clock });
  expect(done).toBe(costs.length);
  return steps;
}

const repeat = (count: number, cost: (i: number) => number) => Array.from({ length: count }, (_, i) => cost(i));

test.each([1, 2, 3, 8])(
  "the first step is one unit per thread, and no step is longer than 50 ms: %d threads",
  async (threads) => {
    for (const costs of [
      repeat(2000, () => 0.5),
      repeat(300, () => 19),
      repeat(300, () => 45),
      // Causal: falling costs.
      repeat(400, (i) => 40 - i / 10),
      // Cheap units in between say nothing about the others.
      repeat(2000, (i) => (i % 50 < 8 ? 6 : 0)),
      // The first unit also touches its memory.
      repeat(1000, (i) => (i === 0 ? 5 : 0.05)),
    ]) {
      const steps = await stepsOf(costs, threads);
      expect(steps[0]!.units).toBe(threads);
      expect(Math.max(...steps.map(({ ms }) => ms))).toBeLessThanOrEqual(50);
    }
  },
);

test("units longer than a step go one per thread", async () => {
  const steps = await stepsOf(
    repeat(20, () => 120),
    2,
  );
  expect(steps.every(({ units, ms }) => units === 2 && ms === 120)).toBe(true);
});

test("short units are gathered, so that steps are few", async () => {
  const steps = await stepsOf(
    repeat(10_000, () => 0.1),
    2,
  );
  // 500 ms of work on two threads in steps of 20 ms, and the first ones, which grow.
  expect(steps.length).toBeLessThan(40);
});

test("a cancel during a long preparation is seen before the first step; a short one costs no pause", async () => {
  for (const [sincePause, ran] of [
    [200, 0],
    [1, 1],
  ] as const) {
    let units = 0;
    const operation = { units: 1, run: () => void ++units, finish: () => undefined, release: () => undefined };
    const options = { threads: 1, pause: () => Promise.resolve(), cancelled: () => true, report: () => undefined };
    expect(await runInSteps(operation, { ...options, sincePause })).toBe(ran === 1);
    expect(units).toBe(ran);
  }
});
