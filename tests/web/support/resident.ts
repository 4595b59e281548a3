/** What a process of Node holds. */
import { setTimeout as sleep } from "node:timers/promises";

/** Resident bytes after everything that can be collected was. */
export async function residentBytes(): Promise<number> {
  for (let i = 0; i < 3; ++i) {
    globalThis.gc?.();
    await sleep(20);
  }
  return process.memoryUsage().rss;
}
