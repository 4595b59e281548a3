/** From the arguments of `attendTopK` to a plan. */
import type { Denominator, Estimator, TopKOptions } from "../options.js";
import { rawDenominators, rawEstimators } from "../runtime/raw.js";
import type { TensorLike } from "./arrays.js";
import { planAttention, type AttentionPlan, type IsTensor } from "./attend.js";
import { checkKeep, type CheckedBudget } from "./keep.js";
import { checkFlag, checkOptionNames, checkWord } from "./names.js";
import { ruleOptionNames } from "./rules.js";
import { shapeOptionNames } from "./shape.js";

const names = [
  ...shapeOptionNames,
  ...ruleOptionNames,
  "valueDim",
  "out",
  "keep",
  "estimator",
  "denominator",
  "search",
  "indices",
  "certificates",
];

export interface TopKPlan<T> extends AttentionPlan<T> {
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
): TopKPlan<T> {
  checkOptionNames("attendTopK", options, names);
  // Both words mean the exact scan: there is no other search to choose.
  checkWord("search", options.search ?? "auto", ["exact", "auto"]);
  const plan = planAttention(q, k, v, options, isTensor, "kept");
  return {
    ...plan,
    keep: checkKeep(options.keep, plan.shape.heads),
    estimator: checkWord("estimator", options.estimator ?? "linear", rawEstimators),
    denominator: checkWord("denominator", options.denominator ?? "accurate", rawDenominators),
    indices: checkFlag("indices", options.indices, false),
    certificates: checkFlag("certificates", options.certificates, false),
  };
}
