/**
 * The module's memory is created here and imported, so that its limit is the caller's choice: engines reserve the whole
 * declared maximum of a shared memory, and small devices refuse 4 GiB.
 */
import { HeedError } from "../errors.js";
import { initialPages, memoryLimits, pageBytes } from "./memory-limits.js";
import { hasThreads, isWide, type VariantName } from "./variants.js";

/** Tried in this order when the caller names no limit: 4 GiB, 2 GiB, 1 GiB, 512 MiB, 256 MiB. */
const usualPages = [65536, 32768, 16384, 8192, 4096];
/** The same where more can be addressed: 16 GiB, 8 GiB, and those. */
const usualWidePages = [262144, 131072, ...usualPages];

/** Sizes of memories with 64-bit addresses are BigInt, which the declarations of TypeScript 6 do not know. */
function wideMemory(maximum: number, shared: boolean): WebAssembly.Memory {
  const descriptor: object = { address: "i64", initial: BigInt(initialPages), maximum: BigInt(maximum), shared };
  return new WebAssembly.Memory(descriptor as WebAssembly.MemoryDescriptor);
}

function reserve(maximum: number, variant: VariantName): WebAssembly.Memory | undefined {
  const shared = hasThreads(variant);
  try {
    if (isWide(variant)) return wideMemory(maximum, shared);
    return new WebAssembly.Memory({ initial: initialPages, maximum, shared });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/** @throws {HeedError} `out-of-memory` when the engine reserves none of the sizes. */
export function createMemory(maximumBytes: number | undefined, variant: VariantName): WebAssembly.Memory {
  const usual = isWide(variant) ? usualWidePages : usualPages;
  // A module without a wide build beside a core that has one gets what it can address.
  const sizes =
    maximumBytes === undefined ? usual : [Math.min(Math.floor(maximumBytes / pageBytes), usual[0] as number)];
  for (const pages of sizes) {
    const memory = reserve(pages, variant);
    if (memory) return memory;
  }
  const least = (sizes.at(-1) ?? initialPages) * pageBytes;
  throw new HeedError(
    "out-of-memory",
    `the engine refused to reserve ${least} bytes for the module; dispose other instances, or pass a smaller ` +
      `maximumMemory (at least ${memoryLimits.least})`,
  );
}
