/** Top-k attention by a search that skips scores: when it can be had, which one it is, and the job. */
import type { TopKPlan } from "../check/attend-top-k.js";
import type { CheckedBudget } from "../check/keep.js";
import { scannedOnly, whyScanned, whyTail } from "../check/search.js";
import { rowsOf } from "../check/shape.js";
import { HeedError } from "../errors.js";
import type { TopKInfo } from "../results.js";
import { isKeyIndex, type KeyIndex } from "../runtime/key-index.js";
import { rawEstimators, rawSearches, type RawProblem, type RawRetrievalOptions } from "../runtime/raw.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Scratch } from "../runtime/scratch.js";
import type { Tensor } from "../runtime/tensor.js";
import type { PlacedTarget } from "./operands.js";
import type { TopKOutput } from "./attend-top-k.js";
import type { Prepared } from "./operation.js";

/** What runs, and why when that was not simply asked for. */
export type ChosenSearch = Pick<TopKInfo, "search" | "reason">;

/** Rows whose recall is measured: `kRecallRows` in cpp/retrieve/retrieved_attention.hpp. */
const recallRows = 32;

/** Why every score is needed, whatever the search; undefined when none asks for that. */
function whyEveryScore(plan: TopKPlan<Tensor>): string | undefined {
  const unknown =
    scannedOnly({ ...plan, ...plan.shape }) ?? (plan.keep.length > 1 ? "budgets of single heads" : undefined);
  return whyTail(plan) ?? (unknown && whyScanned(unknown));
}

function budgetOf({ keep, shape }: TopKPlan<Tensor>) {
  // More than all keys means all of them; and 0 would mean the window law.
  const { k, alpha, exponent, min, max } = keep[0] as CheckedBudget;
  return { alpha, exponent, min, max, k: Math.min(k, Math.max(shape.keys, 1)) };
}

function percent(share: number): string {
  return `${(100 * share).toFixed(1)} %`;
}

function probed(runtime: Runtime, plan: TopKPlan<Tensor>, problem: RawProblem): ChosenSearch {
  const choice = runtime.raw.chooseSearch(problem, { ...noOutputs, ...budgetOf(plan), search: 0, estimator: 0 });
  const search = rawSearches[choice.search] ?? "exact";
  if (choice.screened === 1 && choice.visited === 1) {
    return { search, reason: "few keys are skipped with this length and budget" };
  }
  const shares = `int8 would score ${percent(choice.screened)} of the keys exactly, pages ${percent(choice.visited)}`;
  return { search, reason: `by a probe of some rows: ${shares}` };
}

/** The search that runs. */
export function chooseSearch(runtime: Runtime, plan: TopKPlan<Tensor>, problem: RawProblem): ChosenSearch {
  if (plan.search === "exact") return { search: "exact" };
  const reason = whyEveryScore(plan);
  if (reason !== undefined) return { search: "exact", reason };
  return plan.search === "auto" ? probed(runtime, plan, problem) : { search: plan.search };
}

const noOutputs = {
  sampled: false,
  enough: 0,
  seed: 0,
  dropped: 0,
  bound: 0,
  interval: 0,
  kept: 0,
  indices: 0,
  offsets: 0,
  recall: 0,
};

function indexOf({ k }: TopKPlan<Tensor>): KeyIndex | undefined {
  return k.kind === "tensor" && isKeyIndex(k.tensor) ? k.tensor : undefined;
}

/** @throws {HeedError} `out-of-memory` */
export function prepareRetrieved(
  runtime: Runtime,
  scratch: Scratch,
  plan: TopKPlan<Tensor>,
  placed: { problem: RawProblem; out: PlacedTarget; chosen: ChosenSearch },
): Prepared<TopKOutput> {
  const { heap } = runtime;
  const { problem, out, chosen } = placed;
  const rows = rowsOf(plan.shape);
  const sampled = plan.tail === "sampled";
  const options: RawRetrievalOptions = {
    ...noOutputs,
    ...budgetOf(plan),
    search: rawSearches.indexOf(chosen.search),
    estimator: rawEstimators.indexOf(plan.estimator),
    sampled,
    enough: plan.searchTau,
    seed: plan.seed,
    dropped: scratch.allocate(rows * 4, "dropped"),
    bound: scratch.allocate(rows * 4, "bound"),
    interval: sampled ? scratch.allocate(rows * 4, "interval") : 0,
    kept: scratch.allocate(rows * 4, "kept"),
    recall: scratch.allocate(recallRows * 4, "recall"),
  };
  heap.f32(options.recall, recallRows).fill(NaN);
  let total = 0;
  if (plan.indices) {
    options.offsets = scratch.allocate((rows + 1) * 4, "offsets");
    total = runtime.raw.retrievedOffsets(problem, options, options.offsets);
    if (total < 0) {
      throw new HeedError("out-of-memory", "indices has more than 2^32 entries; keep fewer or split the call");
    }
    options.indices = scratch.allocate(total * 4, "indices");
  }
  const index = indexOf(plan);
  const usable = index?.search === chosen.search ? index.job(runtime, "k") : null;
  const job = new runtime.raw.RetrieveJob(problem, options, usable);
  const finish = (): TopKOutput => {
    const measured = heap.f32(options.recall, recallRows).filter((share) => !Number.isNaN(share));
    const recall = measured.length === 0 ? 1 : measured.reduce((sum, share) => sum + share, 0) / measured.length;
    const result = {
      out: out.take(),
      dropped: heap.copyF32(options.dropped, rows, "dropped"),
      bound: heap.copyF32(options.bound, rows, "bound"),
      kept: heap.copyU32(options.kept, rows, "kept"),
      ...(sampled ? { interval: heap.copyF32(options.interval, rows, "interval") } : {}),
      info: { ...chosen, estimator: plan.estimator, ...(chosen.search === "lsh" ? { recall } : {}) },
    };
    if (!plan.indices) return result;
    const indices = heap.copyU32(options.indices, total, "indices");
    const offsets = heap.copyU32(options.offsets, rows + 1, "offsets");
    return { ...result, indices, offsets };
  };
  return { job, finish };
}
