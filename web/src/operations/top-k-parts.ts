/** What top-k calls share, with a cache or without: budgets, certificates, and room for the kept keys. */
import type { CheckedBudget } from "../check/keep.js";
import { HeedError } from "../errors.js";
import type { Certificates } from "../results.js";
import type { RawJob } from "../runtime/raw-module.js";
import { rawBudgetNumbers } from "../runtime/raw.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Scratch } from "../runtime/scratch.js";

const certificateNames = ["singleGap", "headAware", "blockwise", "outputError", "logitError"] as const;

/** The budgets as records of f64. */
export function placeBudgets(
  runtime: Runtime,
  scratch: Scratch,
  budgets: readonly CheckedBudget[],
  keys: number,
): number {
  const numbers = budgets.flatMap((budget) => {
    // More than all keys means all of them; and 0 would mean another kind.
    const k = Math.min(budget.k, Math.max(keys, 1));
    return rawBudgetNumbers.map((name) => ({ ...budget, k })[name]);
  });
  const address = scratch.allocate(numbers.length * 8, "keep");
  runtime.heap.write(address, Float64Array.from(numbers));
  return address;
}

/** Room for certificates of `rows`, and what they say once the job has run; none where `rows` is undefined. */
export function placeCertificates(runtime: Runtime, scratch: Scratch, rows: number | undefined) {
  const place = (name: string) => (rows === undefined ? 0 : scratch.allocate(rows * 4, name));
  const addresses = Object.fromEntries(certificateNames.map((name) => [name, place(name)])) as Record<
    (typeof certificateNames)[number],
    number
  >;
  const read = (): { certificates?: Certificates } => {
    if (rows === undefined) return {};
    const copies = certificateNames.map((name) => [name, runtime.heap.copyF32(addresses[name], rows, name)]);
    return { certificates: Object.fromEntries(copies) as Certificates };
  };
  return { addresses, read };
}

/** Two jobs of the same units as one: `next` begins when `first` has ended. */
function oneAfterTheOther(first: RawJob, next: () => RawJob): RawJob {
  let second: RawJob | undefined;
  return {
    status: () => (second ?? first).status(),
    units: () => 2 * first.units(),
    run(from, to) {
      const units = first.units();
      if (from < units) first.run(from, Math.min(to, units));
      if (to <= units) return;
      second ??= next();
      second.run(Math.max(from, units) - units, to - units);
    },
    delete() {
      second?.delete();
      first.delete();
    },
  };
}

/** The parts of a search's options that say what it writes of the kept keys. */
interface KeptParts {
  indices: number;
  offsets: number;
  onlyCount: boolean;
}

/** A search, and how much of the kept keys is wanted of it. */
export interface IndexedSearch {
  /** Undefined where indices are not wanted. */
  rows: number | undefined;
  /** Where the search writes how many each row keeps. */
  kept: number;
  /** Writes the running totals of what the rows keep: the total, -1 where it is too large, -2 where it is not known. */
  totals: (offsets: number) => number;
  search: (part: KeptParts) => RawJob;
}

/**
 * The job, and the kept keys once it has run. Where their number depends on the scores, a first job counts them; until
 * it has ended there is nowhere to put them.
 */
export function searchWithIndices(
  runtime: Runtime,
  scratch: Scratch,
  { rows, kept, totals, search }: IndexedSearch,
): { job: RawJob; readIndices: () => { indices?: Uint32Array; offsets?: Uint32Array } } {
  const none = { indices: 0, offsets: 0, onlyCount: false };
  if (rows === undefined) return { job: search(none), readIndices: () => ({}) };
  const offsets = scratch.allocate((rows + 1) * 4, "offsets");
  const notKnown = -2;
  let placed = { indices: 0, count: 0 };
  const placeAndSearch = (count: number): RawJob => {
    if (count < 0) {
      throw new HeedError("out-of-memory", "indices has more than 2^32 entries; keep fewer or split the call");
    }
    placed = { indices: scratch.allocate(count * 4, "indices"), count };
    return search({ ...none, indices: placed.indices, offsets });
  };
  const readIndices = () => ({
    indices: runtime.heap.copyU32(placed.indices, placed.count, "indices"),
    offsets: runtime.heap.copyU32(offsets, rows + 1, "offsets"),
  });
  const total = totals(offsets);
  if (total !== notKnown) return { job: placeAndSearch(total), readIndices };
  const counting = search({ ...none, onlyCount: true });
  const next = () => {
    const job = placeAndSearch(runtime.raw.countedOffsets(kept, rows, offsets));
    try {
      runtime.check(job.status());
    } catch (error) {
      job.delete();
      throw error;
    }
    return job;
  };
  return { job: oneAfterTheOther(counting, next), readIndices };
}
