/** From the arguments of `selectTopK` to a plan. */
import type { CallOptions } from "../options.js";
import { checkOperand, type Operand, type TensorLike } from "./arrays.js";
import type { IsTensor } from "./attend.js";
import { callOptionNames, checkCallOptions } from "./call-options.js";
import { checkOptionNames } from "./names.js";
import { checkCount } from "./numbers.js";

export interface SelectPlan<T> {
  scores: Operand<T>;
  /** At most the number of scores. */
  k: number;
}

/** @throws {HeedError} `invalid-argument`, `detached` */
export function planSelectTopK<T extends TensorLike = never>(
  scores: unknown,
  k: unknown,
  options: CallOptions,
  isTensor?: IsTensor<T>,
): SelectPlan<T> {
  checkOptionNames("selectTopK", options, callOptionNames);
  checkCallOptions(options);
  const operand = checkOperand("scores", scores, undefined, isTensor);
  return { scores: operand, k: Math.min(checkCount("k", k, 1, Number.MAX_SAFE_INTEGER), operand.length) };
}
