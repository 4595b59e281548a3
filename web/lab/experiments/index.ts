/** The experiments, in reading order; ids are unique. */
export { collapse } from "./collapse.js";
export { errorCurve } from "./error-curve.js";
