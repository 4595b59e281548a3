/** The formulas, computed by the module so that there is one implementation of each. */
import type { FormulaCall } from "../check/theory.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Formulas, FormulaName } from "../theory.js";
import { singleOperation, type Operation } from "./operation.js";

/** What some formula returns. */
export type FormulaResult = Formulas[FormulaName]["result"];

/** @throws {HeedError} `out-of-memory`, `disposed`, `internal` */
export function prepareTheory(runtime: Runtime, { formula, values }: FormulaCall): Operation<FormulaResult> {
  return singleOperation(runtime, (scratch) => {
    const numbers = values.flatMap((value) => {
      if (typeof value === "number") return [value];
      const address = scratch.allocate(value.byteLength, formula);
      runtime.heap.write(address, value);
      return [address, value.length];
    });
    // Every formula of the module takes numbers only.
    const evaluate: (...numbers: number[]) => FormulaResult =
      runtime.raw[formula === "ineffectiveShare" ? "gaussianIneffectiveShare" : formula];
    return evaluate(...numbers);
  });
}
