/** How large the logits of one head can be. */
import type { RadiusPlan } from "../check/radius.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Radius } from "../theory.js";
import { placeOperand } from "./operands.js";
import { jobOperation, type Operation } from "./operation.js";

/** Order of `Radius` in cpp/theory/radius.hpp. */
const columns = [
  ...["radius", "rmsRadius", "rigorousRadius", "horizon", "frobeniusNorm", "spectralNorm", "stableRank", "trace"],
  ...["squareTrace", "localization", "selfScore", "ropeNorm", "bound", "meanSquare", "sigma"],
] as (keyof Radius)[];

/** @throws {HeedError} `out-of-memory`, `disposed`, `internal` */
export function prepareRadius(runtime: Runtime, plan: RadiusPlan): Operation<Radius> {
  return jobOperation(runtime, (scratch) => {
    const queryWeights = placeOperand(runtime, scratch, plan.queryWeights, false);
    const keyWeights = placeOperand(runtime, scratch, plan.keyWeights, false);
    const inputs = plan.inputs === undefined ? 0 : placeOperand(runtime, scratch, plan.inputs, false);
    const result = scratch.allocate(columns.length * 8, "the result");
    return {
      job: new runtime.raw.RadiusJob({ ...plan, queryWeights, keyWeights, inputs, result }),
      finish() {
        const values = runtime.heap.copyF64(result, columns.length, "radius");
        return Object.fromEntries(columns.map((name, i) => [name, values[i]])) as Record<keyof Radius, number>;
      },
    };
  });
}
