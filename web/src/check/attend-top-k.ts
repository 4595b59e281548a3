/** From the arguments of `attendTopK` to a plan. */
import type { Estimator, TopKOptions } from "../options.js";
import { rawEstimators } from "../runtime/raw.js";
import type { TensorLike } from "./arrays.js";
import { planAttention, type AttentionPlan, type IsTensor } from "./attend.js";
import { checkKeep, type CheckedKeep } from "./keep.js";
import { checkFlag, checkOptionNames, checkWord } from "./names.js";
import { checkIndexShape, checkSearch, searchOptionNames, type CheckedSearch, type IndexLike } from "./search.js";
import { shapeOptionNames } from "./shape.js";

const names = [...shapeOptionNames, "valueDim", "out", "keep", "estimator", "search", "indices", ...searchOptionNames];

export interface TopKPlan<T> extends AttentionPlan<T>, CheckedSearch {
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
  index?: IndexLike,
): TopKPlan<T> {
  checkOptionNames("attendTopK", options, names);
  const plan = planAttention(q, k, v, options, isTensor);
  if (index) checkIndexShape(index, plan.shape);
  return {
    ...plan,
    ...checkSearch(options, index),
    keep: checkKeep(options.keep),
    estimator: checkWord("estimator", options.estimator ?? "linear", rawEstimators),
    indices: checkFlag("indices", options.indices, false),
  };
}
