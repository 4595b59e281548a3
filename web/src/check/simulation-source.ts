/** What every protocol from E2 on takes: where its scores come from, and how many rows, repeats and which seed. */
import { HeedError } from "../errors.js";
import { checkWord, shown } from "./names.js";
import { checkWithin } from "./numbers.js";
import type { Reader } from "./simulation-reader.js";

/** The longest row, of which the module examines one in some 30 ms. */
export const longestRow = 2 ** 20;

/** Kinds of tokens, in the order of `Input` in cpp/simulate/token_input.hpp, and what `strength` means and may be. */
const inputs = {
  gaussian: undefined,
  uniform: undefined,
  rademacher: undefined,
  sphere: undefined,
  student: { usual: 4, least: 2.001, most: 1000, what: "degrees of freedom" },
  stationary: { usual: 0.9, least: 0, most: 0.9999, what: "correlation of neighbors" },
  clustered: { usual: 0.5, least: 0, most: 1, what: "share of the topic" },
  lowDimension: { usual: 4, least: 1, most: 256, what: "whole number of dimensions, at most d" },
  outliers: { usual: 8, least: 0, most: 1000, what: "factor of the outlying channels" },
  sink: { usual: 5, least: -1000, most: 1000, what: "score that key 0 has more" },
  duplicates: { usual: 4, least: 1, most: longestRow, what: "times that a token occurs" },
} as const;
const inputNames = Object.keys(inputs) as (keyof typeof inputs)[];

/** In the order of `Weights` in cpp/simulate/score_weights.hpp; its last, given heads, stands for `q` and `k`. */
const weightNames = ["independent", "identity", "tied", "lowRank", "powerLaw", "none"] as const;
const givenHeads = weightNames.length;

export const sourceNames = ["d", "input", "strength", "weights", "rank", "decay", "sigma", "causal", "self", "rows"];
export const runNames = ["repeats", "seed"];

/** CommonParameters of cpp/simulate/experiment.hpp; `numbers` gives them in its order. */
export interface Source {
  d: number;
  input: number;
  strength: number;
  weights: number;
  shape: number;
  sigma: number;
  causal: number;
  self: number;
  rows: number;
  repeats: number;
  seed: number;
}

/** What its tokens are called. */
export const inputWord = ({ input }: Source): string => inputNames[input] as string;

export function sourceNumbers(source: Source): number[] {
  const { d, input, strength, weights, shape, sigma, causal, self, rows, repeats, seed } = source;
  return [d, input, strength, weights, shape, sigma, causal, self, rows, repeats, seed];
}

/** @throws {HeedError} `invalid-argument` */
export function checkStrength(name: string, value: unknown, { d, input }: Source): number {
  const word = inputNames[input] as keyof typeof inputs;
  const range = inputs[word];
  if (range === undefined) {
    if (value === undefined) return 0;
    throw new HeedError("invalid-argument", `${name} is ${shown(value)}, but input "${word}" has no strength`);
  }
  const { usual, least, most, what } = range;
  const number = value === undefined ? Math.min(usual, word === "lowDimension" ? d : most) : value;
  const within = typeof number === "number" && number >= least && number <= (word === "lowDimension" ? d : most);
  if (within && (word !== "lowDimension" || Number.isInteger(number))) return number;
  const legal = `a number from ${least} to ${most} is needed, the ${what}`;
  throw new HeedError("invalid-argument", `${name} is ${shown(value)}; with input "${word}" ${legal}`);
}

/** `strength` and `sigma` only where the protocol does not sweep them itself. @throws {HeedError} `invalid-argument` */
export function readSource(read: Reader, given: boolean, own: readonly string[]): Source {
  const { values } = read;
  const d = read.count("d", 64, 1, 256);
  const input = inputNames.indexOf(checkWord("input", values["input"] ?? "gaussian", inputNames));
  const weights = checkWord("weights", values["weights"] ?? "independent", weightNames);
  for (const [name, needed] of Object.entries({ rank: "lowRank", decay: "powerLaw" })) {
    if (values[name] === undefined || weights === needed) continue;
    throw new HeedError("invalid-argument", `${name} is given, but weights is "${weights}"; "${needed}" is needed`);
  }
  const rank = read.count("rank", Math.max(1, d >> 3), 1, d);
  const decay = checkWithin("decay", values["decay"] ?? 1, 0, 10);
  const source = {
    d,
    input,
    strength: 0,
    weights: given ? givenHeads : weightNames.indexOf(weights),
    shape: weights === "lowRank" ? rank : decay,
    sigma: own.includes("sigma") ? 1 : read.positive("sigma", 1),
    causal: read.flag("causal", false),
    self: read.flag("self", true),
    rows: read.count("rows", 256, 1, 65536),
    repeats: read.count("repeats", 1, 1, 100),
    seed: read.count("seed", 0, 0),
  };
  return own.includes("strength")
    ? source
    : { ...source, strength: checkStrength("strength", values["strength"], source) };
}
