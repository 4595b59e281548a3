/** One length of the simulation E1. */
import type { CollapsePoint } from "../check/simulate.js";
import type { CollapseRow } from "../results.js";
import type { Runtime } from "../runtime/runtime.js";
import { jobOperation, type Operation } from "./operation.js";

/** @throws {HeedError} `out-of-memory`, `disposed`, `internal` */
export function prepareCollapse(runtime: Runtime, point: CollapsePoint): Operation<CollapseRow[]> {
  const { n, headDim, epsilon } = point;
  const { heap, raw } = runtime;
  return jobOperation(runtime, (scratch) => {
    const epsilons = epsilon.length;
    const [thresholds, effective, sigma] = [
      scratch.allocate(epsilons * 8, "epsilon"),
      scratch.allocate(epsilons * 8, "effective"),
      scratch.allocate(8, "sigma"),
    ];
    heap.write(thresholds, Float64Array.from(epsilon));
    const job = new raw.CollapseJob({ ...point, epsilon: thresholds, epsilons, effective, sigma });
    const finish = () => {
      const counts = heap.copyF64(effective, epsilons, "effective");
      const spread = heap.copyF64(sigma, 1, "sigma")[0] as number;
      return epsilon.map((threshold, i) => {
        const count = counts[i] as number;
        const closedForm = runtime.guard(() => raw.gaussianIneffectiveShare(n, threshold, spread));
        const ineffectiveShare = 1 - count / n;
        return { n, d: headDim, epsilon: threshold, effective: count, ineffectiveShare, closedForm, sigma: spread };
      });
    };
    return { job, finish };
  });
}
