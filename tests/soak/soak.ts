/**
 * Two hours of hard use in five minutes: `npm run soak [-- --minutes=N]`. The parts of hard-use.ts first, all of their
 * amounts, then mixed work until the time is over, several calls at once, with an eye on the memory.
 */
import { create } from "heed";
import { create as createSync } from "heed/sync";

import { residentBytes } from "../web/support/resident.js";
import { aborts, check, deaths, instanceLifetimes, memoryLimit, objectLifetimes } from "./hard-use.js";
import { MixedWork } from "./mixed-work.js";

const minutes = Number(process.argv[2] ?? 5);
const seed = Number(process.argv[3] ?? 1);
const began = performance.now();
const elapsed = () => (performance.now() - began) / 60_000;

async function part(what: string, work: () => Promise<unknown>): Promise<void> {
  const start = performance.now();
  const result = await work();
  const more = result === undefined ? "" : `, ${JSON.stringify(result)}`;
  console.log(`${what}: ${((performance.now() - start) / 1000).toFixed(1)} s${more}`);
}

const mebibytes = (bytes: number) => (bytes / 2 ** 20).toFixed(1);

/**
 * Until the time is over, and at least half of it, should the parts before have been slow. Growth is looked at over the
 * second half; until then caches of the engine and of the library fill up.
 */
async function mixed(): Promise<Record<string, number>> {
  const heed = await create();
  const sync = await createSync({ studies: true });
  const work = new MixedWork(heed, sync, seed);
  const end = Math.max(minutes, elapsed() + minutes / 2);
  const until = async (time: number) => {
    const loop = async () => {
      while (elapsed() < time) await work.step();
    };
    await Promise.all([loop(), loop(), loop(), loop()]);
  };
  await until((elapsed() + end) / 2);
  const before = { resident: await residentBytes(), ...(await heed.memory()) };
  await until(end);
  const after = { resident: await residentBytes(), ...(await heed.memory()) };
  const total = Object.values(work.counts).reduce((sum, count) => sum + count, 0);
  console.log(
    `  ${total} calls; resident ${mebibytes(before.resident)} to ${mebibytes(after.resident)} MiB, ` +
      `modules ${mebibytes(before.totalBytes)} to ${mebibytes(after.totalBytes)} MiB`,
  );
  check(after.liveBytes === 0, `${after.liveBytes} bytes are held when nothing runs`);
  check(after.totalBytes - before.totalBytes <= 16 * 2 ** 20, "the module's memory grows");
  check(after.resident - before.resident < 64 * 2 ** 20, "the process grows");
  await heed.dispose();
  sync.dispose();
  return work.counts;
}

await part("10,000 objects made and disposed", () => objectLifetimes(10_000));
await part("2,000 instances made and disposed, half of them with workers", () => instanceLifetimes(2000));
await part("the limit of memory reached 20 times", () => memoryLimit(20));
await part("20 workers killed in the middle of calls", () => deaths(20));
await part("1,000 aborted calls", async () => {
  const heed = await create();
  const counts = await aborts(heed, 1000);
  await heed.dispose();
  return counts;
});
await part("mixed work", mixed);
