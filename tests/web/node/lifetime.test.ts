/** Instances, one after the other: the process stays as it was. `npm run soak` makes a thousand with a worker each. */
import { create as createAsync } from "heed";
import { create } from "heed/sync";
import { expect, test } from "vitest";

import { residentBytes } from "../support/resident.js";

const few = { variant: "simd", maximumMemory: 2 ** 25 } as const;
const scores = Float32Array.of(1, 3, 2);

/**
 * Growth over the second half, after the first half has warmed everything up. An instance touches more than 1 MiB of
 * memory, so a leak of every tenth would show.
 */
async function growth(times: number, round: () => Promise<void>): Promise<number> {
  for (let i = 0; i < times / 2; ++i) await round();
  const before = await residentBytes();
  for (let i = 0; i < times / 2; ++i) await round();
  return (await residentBytes()) - before;
}

test("heed/sync", { timeout: 120_000 }, async () => {
  const grown = await growth(1000, async () => {
    const heed = await create(few);
    heed.tensor(2 ** 18);
    heed.selectTopK(scores, 2);
    heed.dispose();
  });
  expect(grown).toBeLessThan(64 * 2 ** 20);
});

// A worker takes a sixth of a second, so there are fewer, and less growth is left to them: every third would show.
test("heed", { timeout: 120_000 }, async () => {
  const grown = await growth(200, async () => {
    const heed = await createAsync(few);
    await heed.selectTopK(scores, 2);
    await heed.dispose();
  });
  expect(grown).toBeLessThan(32 * 2 ** 20);
});
