/** The formulas, computed by the module so that there is one implementation of each. */
import {
  checkIneffectiveShareParameters,
  checkWindowLawParameters,
  type IneffectiveShareParameters,
  type WindowLawParameters,
} from "../check/theory.js";
import type { Runtime } from "../runtime/runtime.js";

/** The arguments of each formula, by name. */
export interface Formulas {
  windowLaw: WindowLawParameters;
  ineffectiveShare: IneffectiveShareParameters;
}

type Evaluate = { [Name in keyof Formulas]: (runtime: Runtime, parameters: Formulas[Name]) => number };

export const formulas: Evaluate = {
  windowLaw(runtime, parameters) {
    const { n, alpha, exponent, min, max } = checkWindowLawParameters(parameters);
    return runtime.guard(() => runtime.raw.windowLaw(n, alpha, exponent, min, max));
  },
  ineffectiveShare(runtime, parameters) {
    const { n, epsilon, sigma } = checkIneffectiveShareParameters(parameters);
    return runtime.guard(() => runtime.raw.gaussianIneffectiveShare(n, epsilon, sigma));
  },
};
