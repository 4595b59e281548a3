// A step says what it does before it starts and how long it took when it has ended.

import { performance } from "node:perf_hooks";

/** Runs `body` as a named step and returns what it returns. */
export async function step(name, detail, body) {
  console.log(`${name}: ${detail} ...`);
  const start = performance.now();
  const result = await body();
  console.log(finished(name, start));
  return result;
}

/** "name ........ 1.2 s" */
export function finished(name, start) {
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  return `${name} ${".".repeat(Math.max(3, 28 - name.length))} ${seconds} s`;
}
