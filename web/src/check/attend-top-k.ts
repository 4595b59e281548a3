/** From the arguments of `attendTopK` to a plan. */
import type { Denominator, Estimator, TopKOptions } from "../options.js";
import { rawDenominators, rawEstimators } from "../runtime/raw.js";
import type { TensorLike } from "./arrays.js";
import { planAttention, type AttentionPlan, type IsTensor } from "./attend.js";
import { checkKeep, type CheckedBudget } from "./keep.js";
import { checkFlag, checkOptionNames, checkWord } from "./names.js";
import { ruleOptionNames } from "./rules.js";
import { checkIndexShape, checkSearch, searchOptionNames, type CheckedSearch, type IndexLike } from "./search.js";
import { shapeOptionNames } from "./shape.js";

const names = [
  ...shapeOptionNames,
  ...ruleOptionNames,
  ...searchOptionNames,
  "valueDim",
  "out",
  "keep",
  "estimator",
  "denominator",
  "search",
  "indices",
  "certificates",
];

export interface TopKPlan<T> extends AttentionPlan<T>, CheckedSearch {
  /** One for all heads, or one for each. */
  keep: CheckedBudget[];
  estimator: Estimator;
  denominator: Denominator;
  indices: boolean;
  certificates: boolean;
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
  const plan = planAttention(q, k, v, options, isTensor, "kept");
  if (index) checkIndexShape(index, plan.shape);
  return {
    ...plan,
    ...checkSearch(options, index),
    keep: checkKeep(options.keep, plan.shape.heads),
    estimator: checkWord("estimator", options.estimator ?? "linear", rawEstimators),
    denominator: checkWord("denominator", options.denominator ?? "accurate", rawDenominators),
    indices: checkFlag("indices", options.indices, false),
    certificates: checkFlag("certificates", options.certificates, false),
  };
}
