/** Attention over the best keys of each row, with what was dropped. */
import { HeedError } from "../errors.js";
import type { TopKPlan } from "../check/attend-top-k.js";
import type { CheckedBudget } from "../check/keep.js";
import { outLength, rowsOf } from "../check/shape.js";
import type { Certificates, TopKResult } from "../results.js";
import type { RawJob } from "../runtime/raw-module.js";
import {
  rawBudgetNumbers,
  rawDenominators,
  rawEstimators,
  type RawProblem,
  type RawTopKOptions,
} from "../runtime/raw.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Scratch } from "../runtime/scratch.js";
import type { Tensor } from "../runtime/tensor.js";
import { checkMaskNumbers, placeMask, placeOperand, placeTarget, rawProblem } from "./operands.js";
import { jobOperation, type Operation } from "./operation.js";
import { chooseSearch, prepareRetrieved } from "./retrieve.js";

/** What `attendTopK` gives; the optional parts are there when they were asked for. */
export type TopKOutput<Out = Float32Array | Tensor> = TopKResult<Out> & {
  indices?: Uint32Array;
  offsets?: Uint32Array;
  certificates?: Certificates;
};

const certificateNames = ["singleGap", "headAware", "blockwise", "outputError", "logitError"] as const;

interface PlacedIndices {
  indices: number;
  offsets: number;
  total: number;
}

/** The budgets as records of f64. */
function placeBudgets(runtime: Runtime, scratch: Scratch, budgets: readonly CheckedBudget[], keys: number): number {
  const numbers = budgets.flatMap((budget) => {
    // More than all keys means all of them; and 0 would mean another kind.
    const k = Math.min(budget.k, Math.max(keys, 1));
    return rawBudgetNumbers.map((name) => ({ ...budget, k })[name]);
  });
  const address = scratch.allocate(numbers.length * 8, "keep");
  runtime.heap.write(address, Float64Array.from(numbers));
  return address;
}

function placeCertificates(scratch: Scratch, wanted: boolean, rows: number) {
  const place = (name: string) => (wanted ? scratch.allocate(rows * 4, name) : 0);
  return Object.fromEntries(certificateNames.map((name) => [name, place(name)])) as Record<
    (typeof certificateNames)[number],
    number
  >;
}

/** Room for the kept keys, whose running totals are at `offsets`. */
function placeIndices(scratch: Scratch, offsets: number, total: number): PlacedIndices {
  if (total < 0) {
    throw new HeedError("out-of-memory", "indices has more than 2^32 entries; keep fewer or split the call");
  }
  return { indices: scratch.allocate(total * 4, "indices"), offsets, total };
}

/** Two jobs of the same units as one: `next` begins when `first` has ended. */
function oneAfterTheOther(first: RawJob, next: () => RawJob): RawJob {
  let second: RawJob | undefined;
  return {
    status: () => first.status(),
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

/**
 * The job, and where the kept keys will be. Where their number depends on the scores, a first job counts them; until it
 * has ended there is nowhere to put them.
 */
function searchFor(
  runtime: Runtime,
  scratch: Scratch,
  problem: RawProblem,
  options: RawTopKOptions,
  rows: number | undefined,
): { job: RawJob; placed: () => PlacedIndices | undefined } {
  const { TopKJob } = runtime.raw;
  if (rows === undefined) return { job: new TopKJob(problem, options), placed: () => undefined };
  const offsets = scratch.allocate((rows + 1) * 4, "offsets");
  const total = runtime.raw.topKOffsets(problem, options, offsets);
  const notKnown = -2;
  let placed: PlacedIndices;
  const search = (count: number): RawJob => {
    placed = placeIndices(scratch, offsets, count);
    return new TopKJob(problem, { ...options, indices: placed.indices, offsets });
  };
  if (total !== notKnown) return { job: search(total), placed: () => placed };
  const counting = new TopKJob(problem, { ...options, onlyCount: true });
  const next = () => {
    const job = search(runtime.raw.countedOffsets(options.kept, rows, offsets));
    runtime.check(job.status());
    return job;
  };
  return { job: oneAfterTheOther(counting, next), placed: () => placed };
}

/** @throws {HeedError} `out-of-memory`, `disposed`, `internal` */
export function prepareAttendTopK(runtime: Runtime, plan: TopKPlan<Tensor>): Operation<TopKOutput> {
  const { shape, keep, estimator } = plan;
  const rows = rowsOf(shape);
  return jobOperation(runtime, (scratch) => {
    const q = placeOperand(runtime, scratch, plan.q, plan.validate);
    const k = placeOperand(runtime, scratch, plan.k, plan.validate);
    const v = placeOperand(runtime, scratch, plan.v, plan.validate);
    if (plan.mask && plan.validate) checkMaskNumbers(plan.mask);
    const mask = placeMask(runtime, scratch, plan.mask, shape);
    const out = placeTarget(runtime, scratch, plan.out, outLength(shape));
    const problem = rawProblem(shape, { q, k, v, out: out.address, ...mask });
    const chosen = chooseSearch(runtime, plan, problem);
    if (chosen.search !== "exact") return prepareRetrieved(runtime, scratch, plan, { problem, out, chosen });
    const certificates = placeCertificates(scratch, plan.certificates, rows);
    const options: RawTopKOptions = {
      budgets: placeBudgets(runtime, scratch, keep, shape.keys),
      budgetCount: keep.length,
      estimator: rawEstimators.indexOf(estimator),
      denominator: rawDenominators.indexOf(plan.denominator),
      dropped: scratch.allocate(rows * 4, "dropped"),
      bound: scratch.allocate(rows * 4, "bound"),
      kept: scratch.allocate(rows * 4, "kept"),
      indices: 0,
      offsets: 0,
      ...certificates,
      onlyCount: false,
    };
    const { job, placed } = searchFor(runtime, scratch, problem, options, plan.indices ? rows : undefined);
    const { heap } = runtime;
    const finish = (): TopKOutput => {
      const result: Omit<TopKOutput, "out"> = {
        dropped: heap.copyF32(options.dropped, rows, "dropped"),
        bound: heap.copyF32(options.bound, rows, "bound"),
        kept: heap.copyU32(options.kept, rows, "kept"),
        // Nothing was estimated.
        ...(plan.tail === "sampled" ? { interval: new Float32Array(rows) } : {}),
        info: { ...chosen, estimator },
      };
      const where = placed();
      if (where !== undefined) {
        result.indices = heap.copyU32(where.indices, where.total, "indices");
        result.offsets = heap.copyU32(where.offsets, rows + 1, "offsets");
      }
      if (plan.certificates) {
        const copies = certificateNames.map((name) => [name, heap.copyF32(certificates[name], rows, name)]);
        result.certificates = Object.fromEntries(copies) as Certificates;
      }
      return { out: out.take(), ...result };
    };
    return { job, finish };
  });
}
