/** From the arguments of `simulate` to a plan: one point per length. */
import { HeedError } from "../errors.js";
import type { CallOptions, CollapseParameters } from "../options.js";
import { callOptionNames, checkCallOptions } from "./call-options.js";
import { checkOptionNames, checkWord, shown } from "./names.js";
import { checkCount, checkPositive } from "./numbers.js";

/** What a length of E1 needs; the module's names. */
export interface CollapsePoint {
  n: number;
  headDim: number;
  rows: number;
  /** Index into `collapseWeights`. */
  weights: number;
  rank: number;
  seed: number;
  epsilon: readonly number[];
}

/** Order of the codes of `RawCollapseOptions.weights`. */
const collapseWeights = ["independent", "identity", "lowRank"] as const;
const names = ["n", "d", "epsilon", "weights", "rank", "rows", "seed"];
/** Chosen: the standard error of the mean over 256 rows is about a sixteenth of a row's spread. */
const usualRows = 256;

/** @throws {HeedError} `invalid-argument` */
export function checkSimulationId(id: unknown): "E1" {
  return checkWord("the id of simulate", id, ["E1"]);
}

function checkList(name: string, list: unknown): readonly unknown[] {
  if (Array.isArray(list) && list.length > 0) return list;
  throw new HeedError("invalid-argument", `${name} is ${shown(list)}; an array with at least one number is needed`);
}

/** @throws {HeedError} `invalid-argument` */
export function planCollapse(parameters: CollapseParameters, options: CallOptions): CollapsePoint[] {
  checkOptionNames("simulate E1", parameters, names);
  checkOptionNames("simulate", options, callOptionNames);
  checkCallOptions(options);
  const headDim = parameters.d === undefined ? 64 : checkCount("d", parameters.d);
  const weights = checkWord("weights", parameters.weights ?? "independent", collapseWeights);
  if (parameters.rank !== undefined && weights !== "lowRank") {
    throw new HeedError("invalid-argument", `rank is given, but weights is "${weights}"; "lowRank" is needed`);
  }
  const rank =
    parameters.rank === undefined ? Math.max(1, headDim >> 3) : checkCount("rank", parameters.rank, 1, headDim);
  const rows = parameters.rows === undefined ? usualRows : checkCount("rows", parameters.rows);
  const seed = parameters.seed === undefined ? 0 : checkCount("seed", parameters.seed, 0);
  const epsilon = checkList("epsilon", parameters.epsilon).map((e, i) => checkPositive(`epsilon[${i}]`, e));
  const lengths = checkList("n", parameters.n).map((n, i) => checkCount(`n[${i}]`, n, 2));
  return lengths.map((n) => ({
    n,
    headDim,
    rows: Math.min(rows, n),
    weights: collapseWeights.indexOf(weights),
    rank,
    seed,
    epsilon,
  }));
}
