/** The arguments of the formulas. */
import { checkOptionNames } from "./names.js";
import { checkWindowLaw, type CheckedLaw } from "./keep.js";
import { checkCount, checkPositive } from "./numbers.js";

/** k = clamp(ceil(alpha n^exponent), max(1, min), max): the entries to keep at n visible keys. */
export interface WindowLawParameters {
  n: number;
  /** Greater than 0. */
  alpha: number;
  /** From 0 to 1. */
  exponent: number;
  min?: number;
  max?: number;
}

/** Gaussian logits of standard deviation `sigma`, n of them in a row. */
export interface IneffectiveShareParameters {
  n: number;
  epsilon: number;
  sigma: number;
}

/** @throws {HeedError} `invalid-argument` */
export function checkWindowLawParameters(parameters: WindowLawParameters): CheckedLaw & { n: number } {
  checkOptionNames("theory.windowLaw", parameters, ["n", "alpha", "exponent", "min", "max"]);
  return { n: checkCount("n", parameters.n), ...checkWindowLaw("", parameters) };
}

/** @throws {HeedError} `invalid-argument` */
export function checkIneffectiveShareParameters(parameters: IneffectiveShareParameters): IneffectiveShareParameters {
  checkOptionNames("theory.ineffectiveShare", parameters, ["n", "epsilon", "sigma"]);
  return {
    n: checkCount("n", parameters.n),
    epsilon: checkPositive("epsilon", parameters.epsilon),
    sigma: checkPositive("sigma", parameters.sigma),
  };
}
