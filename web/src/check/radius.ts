/** From the parameters of `theory.radius` to a plan. */
import { HeedError } from "../errors.js";
import type { CallOptions } from "../options.js";
import type { RadiusParameters } from "../theory.js";
import { checkLength, checkOperand, type ArrayOperand } from "./arrays.js";
import { callOptionNames, checkCallOptions } from "./call-options.js";
import { checkOptionNames, checkWord } from "./names.js";
import { checkCount, checkPositive, checkWithin } from "./numbers.js";

const names = ["queryWeights", "keyWeights", "headDim", "dtype", "scale", "inputs", "bound", "meanSquare", "rope"];

/** The module's names; `base` 0 means no positions, `bound` and `meanSquare` 0 what the inputs say. */
export interface RadiusPlan {
  queryWeights: ArrayOperand;
  keyWeights: ArrayOperand;
  inputs: ArrayOperand | undefined;
  headDim: number;
  width: number;
  tokens: number;
  scale: number;
  bound: number;
  meanSquare: number;
  /** Index into `rotaryPairs`. */
  pairs: number;
  base: number;
  length: number;
}

/** Order of `RotaryPairs` in cpp/theory/rope.hpp. */
const rotaryPairs = ["halves", "neighbors"] as const;

function rowsOf(name: string, length: number, columns: number, what: string): number {
  const rows = length / columns;
  if (Number.isInteger(rows) && rows > 0) return rows;
  throw new HeedError("shape-mismatch", `${name} has ${length} numbers; a multiple of ${what} = ${columns} is needed`);
}

function checkRope(rope: RadiusParameters["rope"], headDim: number): Pick<RadiusPlan, "pairs" | "base" | "length"> {
  if (rope === undefined) return { pairs: 0, base: 0, length: 0 };
  checkOptionNames("rope", rope, ["base", "length", "pairs"]);
  if (headDim % 2 !== 0)
    throw new HeedError("invalid-argument", `headDim is ${headDim}; with rope an even one is needed`);
  return {
    pairs: rotaryPairs.indexOf(checkWord("rope.pairs", rope.pairs ?? "halves", rotaryPairs)),
    base: checkWithin("rope.base", rope.base, 1.001, 1e300),
    length: checkWithin("rope.length", rope.length ?? Infinity, 1, Infinity),
  };
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planRadius(parameters: RadiusParameters, options: CallOptions): RadiusPlan {
  checkOptionNames("theory.radius", parameters, names);
  checkOptionNames("the call of theory.radius", options, callOptionNames);
  checkCallOptions(options);
  const dtype = parameters.dtype === undefined ? undefined : checkWord("dtype", parameters.dtype, ["f32", "f16"]);
  // Products of two sizes cross to the module as 32 bits.
  const headDim = checkCount("headDim", parameters.headDim, 1, 4096);
  const queryWeights = checkOperand("queryWeights", parameters.queryWeights, dtype) as ArrayOperand;
  const keyWeights = checkOperand("keyWeights", parameters.keyWeights, dtype) as ArrayOperand;
  const width = rowsOf("queryWeights", queryWeights.length, headDim, "headDim");
  checkLength("keyWeights", keyWeights.length, queryWeights.length, "the shape of queryWeights");
  const inputs =
    parameters.inputs === undefined ? undefined : (checkOperand("inputs", parameters.inputs, dtype) as ArrayOperand);
  const optional = (name: "bound" | "meanSquare") =>
    parameters[name] === undefined ? 0 : checkPositive(name, parameters[name]);
  return {
    ...{ queryWeights, keyWeights, inputs, headDim, width },
    tokens: inputs === undefined ? 0 : rowsOf("inputs", inputs.length, width, "the width"),
    scale: parameters.scale === undefined ? 1 / Math.sqrt(headDim) : checkPositive("scale", parameters.scale),
    bound: optional("bound"),
    meanSquare: optional("meanSquare"),
    ...checkRope(parameters.rope, headDim),
  };
}
