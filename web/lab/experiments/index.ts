/** The experiments, in reading order; ids are unique. */
export { collapse } from "./collapse.js";
export { errorCurve } from "./error-curve.js";
export { condensation } from "./condensation.js";
export { dispersion } from "./dispersion.js";
export { phaseMap } from "./phase-map.js";
export { selfCollapse } from "./self-collapse.js";
export { massThreshold } from "./threshold.js";
export { sufficiency } from "./sufficiency.js";
export { calibration } from "./calibration.js";
export { equalCost } from "./equal-cost.js";
export { modelHeads } from "./model-heads.js";
export { violations } from "./violations.js";
export { certificates } from "./certificates.js";
export { searchMethods } from "./searches.js";
