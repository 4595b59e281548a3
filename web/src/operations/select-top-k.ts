/** The k largest of a list, in rank order: score descending, then index ascending, NaN last. */
import type { SelectPlan } from "../check/select-top-k.js";
import type { Selection } from "../results.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Tensor } from "../runtime/tensor.js";
import { placeOperand } from "./operands.js";
import { singleOperation, type Operation } from "./operation.js";

/** @throws {HeedError} `out-of-memory`, `disposed`, `internal` */
export function prepareSelectTopK(runtime: Runtime, plan: SelectPlan<Tensor>): Operation<Selection> {
  const { k } = plan;
  return singleOperation(runtime, (scratch) => {
    const scores = placeOperand(runtime, scratch, plan.scores, false);
    const indices = scratch.allocate(k * 4, "indices");
    const values = scratch.allocate(k * 4, "values");
    if (k > 0) runtime.check(runtime.raw.selectTopK(scores, plan.scores.length, k, indices, values));
    return {
      indices: runtime.heap.copyU32(indices, k, "indices"),
      values: runtime.heap.copyF32(values, k, "values"),
    };
  });
}
