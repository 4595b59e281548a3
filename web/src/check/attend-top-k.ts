/** From the arguments of `attendTopK` to a plan. */
import type { Estimator, TopKOptions } from "../options.js";
import { rawEstimators } from "../runtime/raw.js";
import type { TensorLike } from "./arrays.js";
import { planAttention, type AttentionPlan, type IsTensor } from "./attend.js";
import { checkKeep, type CheckedKeep } from "./keep.js";
import { checkFlag, checkOptionNames, checkWord } from "./names.js";
import { shapeOptionNames } from "./shape.js";

const names = [...shapeOptionNames, "valueDim", "out", "keep", "estimator", "search", "indices"];

export interface TopKPlan<T> extends AttentionPlan<T> {
  keep: CheckedKeep;
  estimator: Estimator;
  indices: boolean;
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planAttendTopK<T extends TensorLike = never>(
  q: unknown,
  k: unknown,
  v: unknown,
  options: TopKOptions<unknown>,
  isTensor?: IsTensor<T>,
): TopKPlan<T> {
  checkOptionNames("attendTopK", options, names);
  // Both words mean the exact scan: there is no other search to choose.
  checkWord("search", options.search ?? "auto", ["exact", "auto"]);
  return {
    ...planAttention(q, k, v, options, isTensor),
    keep: checkKeep(options.keep),
    estimator: checkWord("estimator", options.estimator ?? "linear", rawEstimators),
    indices: checkFlag("indices", options.indices, false),
  };
}
