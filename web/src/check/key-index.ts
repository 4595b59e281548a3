/** From the arguments of `index` to a plan. */
import type { IndexOptions } from "../options.js";
import { checkOperand, type Operand, type TensorLike } from "./arrays.js";
import type { IsTensor } from "./attend.js";
import { checkCallOptions } from "./call-options.js";
import { checkFlag, checkOptionNames, checkWord } from "./names.js";
import { checkCount } from "./numbers.js";
import { checkSeed, type IndexedSearch } from "./search.js";
import { checkShape, type Shape } from "./shape.js";

const names = [
  "kvHeads",
  "headDim",
  "batch",
  "layout",
  "dtype",
  "validate",
  "search",
  "seed",
  "signal",
  "onProgress",
  "transfer",
];

export interface IndexPlan<T> {
  /** With as many heads as key heads, and no queries. */
  shape: Shape;
  k: Operand<T>;
  validate: boolean;
  search: IndexedSearch;
  seed: number;
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planIndex<T extends TensorLike = never>(
  k: unknown,
  options: IndexOptions,
  isTensor?: IsTensor<T>,
): IndexPlan<T> {
  checkOptionNames("index", options, names);
  checkCallOptions(options);
  const dtype = options.dtype === undefined ? undefined : checkWord("dtype", options.dtype, ["f32", "f16"]);
  const operand = checkOperand("k", k, dtype, isTensor);
  const { headDim, batch, layout } = options;
  const kvHeads = checkCount("kvHeads", options.kvHeads);
  const shape = checkShape(
    { heads: kvHeads, kvHeads, headDim, ...(batch === undefined ? {} : { batch }), ...(layout ? { layout } : {}) },
    { q: 0, k: operand.length },
  );
  return {
    shape,
    k: operand,
    validate: checkFlag("validate", options.validate, false),
    search: checkWord("search", options.search ?? "int8", ["pages", "int8", "lsh"]),
    seed: checkSeed(options.seed),
  };
}
