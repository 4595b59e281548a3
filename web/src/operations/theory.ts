/** The formulas, computed by the module so that there is one implementation of each. */
import type { FormulaCall } from "../check/theory.js";
import type { Runtime } from "../runtime/runtime.js";
import type { Formulas, FormulaName } from "../theory.js";
import { singleOperation, type Operation } from "./operation.js";

/** What some formula returns. */
export type FormulaResult = Formulas[FormulaName]["result"];

/** The name of a number, or of what it stands for: the words are numbered. `a.b` is a field of a field. */
type Column = string | readonly [name: string, ...words: (string | boolean)[]];

const policy = ["meanRowError", "worstRowError", "meanDropped", "worstDropped"];
const within = (name: string, columns: readonly string[]) => columns.map((column) => `${name}.${column}`);
const level = ["mean", "worst", "level"];
const error = ["worst", "overrun"];

/** The numbers that a formula writes, in order; formulas that are not here return theirs. */
const columnsOf: { readonly [Name in FormulaName]?: readonly Column[] } = {
  effectiveEntries: ["entries", "ineffectiveShare", "limit"],
  gaussianTopK: ["dropped", "rowError"],
  logitBound: ["factor", "bound", "radiusForm", ["concentrates", false, true]],
  regime: [
    ["regime", "dispersion", "self-collapse", "condensation", "frozen"],
    ...["gamma", "crossover", "selfWeight", "massExponent", "entropy", "participation"],
  ],
  sufficiency: ["entries", "rate", ["vanishes", false, true], "rowErrorAtMost", "droppedAtLeast"],
  necessity: ["droppedAtLeast", "rowErrorAtLeast", "matrixNormAtMost"],
  alignCost: ["alpha", "unrounded", "cost", "target"],
  equalCost: [
    ...["alpha", ["rowErrorValid", false, true] as const, ...within("fixed", policy), ...within("window", policy)],
    ...within("winner", policy).map((name) => [name, "tie", "fixed", "window"] as const),
  ],
  policies: [...within("fixed", level), ...within("threshold", level), ...within("topP", level)],
  calibrate: ["alpha", "exponent", "standardError", ...within("fitted", error), ...within("heldOut", error)],
  certificates: [
    ...["dropped", "l1", "l2", "lInfinity", "divergence", "chiSquared", "entropy", "participation", "singleGap"],
    ...["headAware", "l2Bounds.lower", "l2Bounds.upper"],
  ],
};

type Fields = { [name: string]: number | string | boolean | Fields };

function named(columns: readonly Column[], numbers: Float64Array): Fields {
  const result: Fields = {};
  for (const [i, column] of columns.entries()) {
    const [name, ...words] = typeof column === "string" ? [column] : column;
    const [field, inner] = name.split(".") as [string, string?];
    const number = numbers[i] as number;
    const value = words[number] ?? number;
    if (inner === undefined) result[field] = value;
    else ((result[field] ??= {}) as Fields)[inner] = value;
  }
  return result;
}

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
    const evaluate: (...numbers: number[]) => number | void =
      runtime.raw[formula === "ineffectiveShare" ? "gaussianIneffectiveShare" : formula];
    const columns = columnsOf[formula];
    if (!columns) return evaluate(...numbers) as number;
    const out = scratch.allocate(columns.length * 8, formula);
    evaluate(...numbers, out);
    // The columns are those of the formula's result.
    return named(columns, runtime.heap.copyF64(out, columns.length, formula)) as object as FormulaResult;
  });
}
