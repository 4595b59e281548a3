/**
 * The module's memory is created here and imported, so that its limit is the caller's choice: engines reserve the whole
 * declared maximum of a shared memory, and small devices refuse 4 GiB.
 */
import { HeedError } from "../errors.js";
import { initialPages, memoryLimits, pageBytes } from "./memory-limits.js";

/** Tried in this order when the caller names no limit: 4 GiB, 2 GiB, 1 GiB, 512 MiB, 256 MiB. */
const usualPages = [65536, 32768, 16384, 8192, 4096];

function reserve(maximum: number, shared: boolean): WebAssembly.Memory | undefined {
  try {
    return new WebAssembly.Memory({ initial: initialPages, maximum, shared });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws {HeedError} `out-of-memory` when the engine reserves none of the sizes. */
export function createMemory(maximumBytes: number | undefined, shared: boolean): WebAssembly.Memory {
  const sizes = maximumBytes === undefined ? usualPages : [Math.floor(maximumBytes / pageBytes)];
  for (const pages of sizes) {
    const memory = reserve(pages, shared);
    if (memory) return memory;
  }
  const least = (sizes.at(-1) ?? initialPages) * pageBytes;
  throw new HeedError(
    "out-of-memory",
    `the engine refused to reserve ${least} bytes for the module; dispose other instances, or pass a smaller ` +
      `maximumMemory (at least ${memoryLimits.least})`,
  );
}
