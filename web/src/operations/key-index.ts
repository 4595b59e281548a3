/** Keys that are prepared once and searched many times. */
import type { IndexPlan } from "../check/key-index.js";
import { KeyIndex } from "../runtime/key-index.js";
import type { RawJob } from "../runtime/raw-module.js";
import { rawSearches } from "../runtime/raw.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Scratch } from "../runtime/scratch.js";
import type { Tensor } from "../runtime/tensor.js";
import { placeOperand, rawProblem } from "./operands.js";
import { jobOperation, type Operation } from "./operation.js";

/** The index's own copy of the keys, also of a Tensor, which its owner may change or dispose. */
function placeKeys(runtime: Runtime, scratch: Scratch, { k, validate }: IndexPlan<Tensor>): number {
  const placed = placeOperand(runtime, scratch, k, validate);
  if (k.kind !== "tensor") return placed;
  const own = scratch.allocate(k.length * 4, "k");
  runtime.heap.f32(own, k.length).set(runtime.heap.f32(placed, k.length));
  return own;
}

/** @throws {HeedError} `out-of-memory`, `disposed`, `internal`, `non-finite` */
export function prepareIndex(runtime: Runtime, plan: IndexPlan<Tensor>): Operation<KeyIndex> {
  const { shape, search } = plan;
  return jobOperation(runtime, (scratch) => {
    const k = placeKeys(runtime, scratch, plan);
    const job = new runtime.raw.IndexJob(rawProblem(shape, { q: 0, k }), rawSearches.indexOf(search), plan.seed);
    let handedOver = false;
    // The job lives on in what it built.
    const shared: RawJob = {
      status: () => job.status(),
      units: () => job.units(),
      run: (from, to) => job.run(from, to),
      delete: () => (handedOver ? undefined : job.delete()),
    };
    const finish = () => {
      handedOver = true;
      scratch.keep(k);
      return new KeyIndex(runtime, k, plan.k.length, { job, search, shape });
    };
    return { job: shared, finish };
  });
}
