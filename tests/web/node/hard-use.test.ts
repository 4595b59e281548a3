/** A little of what `npm run soak` does much of: tests/soak. */
import { create } from "heed";
import { create as createSync } from "heed/sync";
import { expect, test } from "vitest";

import { aborts, deaths, memoryLimit, objectLifetimes } from "../../soak/hard-use.js";
import { MixedWork } from "../../soak/mixed-work.js";

test("ten thousand objects, one after the other, leave nothing behind", () => objectLifetimes(10_000));

test("the limit of memory reached in a call is an error, and what fits goes on", () => memoryLimit(2));

test("workers killed in the middle of calls: every promise rejects, and the next one works", () => deaths(3));

test("a thousand aborted calls end with their reasons, and the calls between them with their results", async () => {
  const heed = await create();
  const { aborted, done } = await aborts(heed, 1000);
  expect(aborted + done).toBe(1000);
  expect(aborted).toBeGreaterThan(100);
  await heed.dispose();
});

test("mixed work, four calls at a time, gives the bits of heed/sync", async () => {
  const [heed, sync] = [await create(), await createSync({ studies: true })];
  const work = new MixedWork(heed, sync, 1);
  const loop = async () => {
    for (let i = 0; i < 40; ++i) await work.step();
  };
  await Promise.all([loop(), loop(), loop(), loop()]);
  expect(Object.values(work.counts).reduce((sum, count) => sum + count)).toBe(160);
  expect((await heed.memory()).liveBytes).toBe(0);
  await heed.dispose();
  sync.dispose();
});
