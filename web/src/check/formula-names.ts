/** The formulas by name, apart from their parameters: heed loads those with the first call of one. */
import type { FormulaName } from "../theory.js";

const names: Record<FormulaName, true> = {
  windowLaw: true,
  ineffectiveShare: true,
  effectiveEntries: true,
  gaussianTopK: true,
  keepForMass: true,
  logitBound: true,
  regime: true,
  sufficiency: true,
  necessity: true,
  alignCost: true,
  equalCost: true,
  policies: true,
  calibrate: true,
  certificates: true,
  singleGap: true,
  headAware: true,
  logitError: true,
  rounded: true,
};

/** Every formula. */
export const formulaNames = Object.keys(names) as FormulaName[];
