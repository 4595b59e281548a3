/** From the arguments of `scores` and `weights` to a plan. */
import { HeedError } from "../errors.js";
import type { ScoresOptions } from "../options.js";
import { checkOperand, type MaskOperand, type Operand, type TensorLike } from "./arrays.js";
import type { IsTensor } from "./attend.js";
import { checkCallOptions } from "./call-options.js";
import { checkFlag, checkOptionNames, checkWord } from "./names.js";
import { checkCount } from "./numbers.js";
import { checkMask, ruleOptionNames } from "./rules.js";
import { checkShape, shapeOptionNames, type Shape } from "./shape.js";

const names = [...shapeOptionNames, ...ruleOptionNames, "head", "entry"];

/** One (queries, keys) matrix is made for every entry and head, in this order. */
export interface ScoresPlan<T> {
  shape: Shape;
  q: Operand<T>;
  k: Operand<T>;
  mask: MaskOperand | undefined;
  entries: number[];
  heads: number[];
  validate: boolean;
}

function selected(name: string, value: number | undefined, count: number): number[] {
  if (value === undefined) return Array.from({ length: count }, (_, i) => i);
  const one = checkCount(name, value, 0);
  if (one < count) return [one];
  throw new HeedError("shape-mismatch", `${name} is ${one}; an integer below ${count} is needed`);
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planScores<T extends TensorLike = never>(
  where: "scores" | "weights",
  q: unknown,
  k: unknown,
  options: ScoresOptions,
  isTensor?: IsTensor<T>,
): ScoresPlan<T> {
  checkOptionNames(where, options, names);
  checkCallOptions(options);
  const dtype = options.dtype === undefined ? undefined : checkWord("dtype", options.dtype, ["f32", "f16"]);
  const inputs = { q: checkOperand("q", q, dtype, isTensor), k: checkOperand("k", k, dtype, isTensor) };
  const shape = checkShape(options, { q: inputs.q.length, k: inputs.k.length });
  return {
    shape,
    ...inputs,
    mask: checkMask(options.mask, shape),
    entries: selected("entry", options.entry, shape.batch),
    heads: selected("head", options.head, shape.heads),
    validate: checkFlag("validate", options.validate, false),
  };
}
