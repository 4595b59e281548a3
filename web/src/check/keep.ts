/** `keep` of attendTopK: how many entries of a row to keep, for all heads or for each. */
import { HeedError } from "../errors.js";
import type { Keep } from "../options.js";
import { checkOptionNames, shown } from "./names.js";
import { checkCount, checkPositive, checkWithin } from "./numbers.js";

/** The options that decide, by kind. Of these exactly one kind may be given. */
const kinds = [["k"], ["alpha", "exponent"], ["mass"], ["threshold"]] as const;
const names = [...kinds.flat(), "min", "max"] as const;
const legal = "{k}, {alpha, exponent}, {mass} or {threshold} is needed, with min and max if wanted";

/** The window law and its limits; `max` is 0 for no limit. */
export interface CheckedLaw {
  alpha: number;
  exponent: number;
  min: number;
  max: number;
}

/** `k`, `mass` and `threshold` are 0 where they do not decide; when none of them does, the window law does. */
export interface CheckedBudget extends CheckedLaw {
  k: number;
  mass: number;
  threshold: number;
}

type Given = Partial<Record<(typeof names)[number], number>>;

function checkLimits(where: string, given: Given): { min: number; max: number } {
  const min = given.min === undefined ? 1 : checkCount(`${where}min`, given.min, 0);
  const max = given.max === undefined ? 0 : checkCount(`${where}max`, given.max);
  if (max !== 0 && max < min) {
    throw new HeedError(
      "invalid-argument",
      `${where}max is ${max} and ${where}min is ${min}; max must be at least min`,
    );
  }
  return { min, max };
}

/** The window law k = clamp(ceil(alpha n^exponent), max(1, min), max). @throws {HeedError} `invalid-argument` */
export function checkWindowLaw(where: string, law: Given): CheckedLaw {
  const alpha = checkPositive(`${where}alpha`, law.alpha);
  const exponent = checkWithin(`${where}exponent`, law.exponent, 0, 1);
  return { alpha, exponent, ...checkLimits(where, law) };
}

/** A share above 0 and up to 1, which belongs to it for mass and does not for threshold. */
function checkShare(name: string, value: unknown, top: "at most" | "less than"): number {
  const fits = typeof value === "number" && value > 0 && (top === "at most" ? value <= 1 : value < 1);
  if (fits) return value;
  throw new HeedError("invalid-argument", `${name} is ${shown(value)}; a number greater than 0 and ${top} 1 is needed`);
}

function checkBudget(name: string, keep: unknown): CheckedBudget {
  checkOptionNames(name, keep, names);
  const given = keep as Given;
  const where = `${name}.`;
  const present = kinds.map((kind) => kind.filter((one) => given[one] !== undefined)).filter((kind) => kind.length > 0);
  const [first, ...others] = present;
  if (first === undefined) {
    throw new HeedError("invalid-argument", `${name} has none of ${kinds.flat().join(", ")}; ${legal}`);
  }
  if (others.length > 0) {
    throw new HeedError(
      "invalid-argument",
      `${name} has ${first.join(", ")} and also ${others.flat().join(", ")}; only one of ${legal}`,
    );
  }
  const none = { k: 0, alpha: 0, exponent: 0, mass: 0, threshold: 0 };
  if (given.alpha !== undefined || given.exponent !== undefined) return { ...none, ...checkWindowLaw(where, given) };
  const limits = checkLimits(where, given);
  const { k, mass, threshold } = given;
  if (k !== undefined) return { ...none, ...limits, k: checkCount(`${where}k`, k, 1, Number.MAX_SAFE_INTEGER) };
  if (mass !== undefined) return { ...none, ...limits, mass: checkShare(`${where}mass`, mass, "at most") };
  return { ...none, ...limits, threshold: checkShare(`${where}threshold`, threshold, "less than") };
}

/** One budget, or one for each of `heads`. @throws {HeedError} `invalid-argument`, `shape-mismatch` */
export function checkKeep(keep: Keep | readonly Keep[] | undefined, heads: number): CheckedBudget[] {
  if (keep === undefined) {
    throw new HeedError("invalid-argument", `keep is missing; ${legal}, or an array with one of them for each head`);
  }
  if (!Array.isArray(keep)) return [checkBudget("keep", keep)];
  const all: readonly unknown[] = keep;
  if (all.length !== heads) {
    throw new HeedError(
      "shape-mismatch",
      `keep is an array of ${all.length}; one for each of the ${heads} heads is needed`,
    );
  }
  return Array.from(all, (one, head) => checkBudget(`keep[${head}]`, one));
}
