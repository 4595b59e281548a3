/** `keep` of attendTopK: a number of entries, or the window law. */
import { HeedError } from "../errors.js";
import type { Keep } from "../options.js";
import { checkOptionNames } from "./names.js";
import { checkCount, checkPositive, checkWithin } from "./numbers.js";

const names = ["k", "alpha", "exponent", "min", "max"] as const;

/** `k` is 0 when the window law decides; `max` is 0 for no limit. */
export interface CheckedKeep {
  k: number;
  alpha: number;
  exponent: number;
  min: number;
  max: number;
}

/** The window law k = clamp(ceil(alpha n^exponent), max(1, min), max). @throws {HeedError} `invalid-argument` */
export function checkWindowLaw(where: string, law: Extract<Keep, { alpha: number }>): CheckedKeep {
  const alpha = checkPositive(`${where}alpha`, law.alpha);
  const exponent = checkWithin(`${where}exponent`, law.exponent, 0, 1);
  const min = law.min === undefined ? 1 : checkCount(`${where}min`, law.min, 0);
  const max = law.max === undefined ? 0 : checkCount(`${where}max`, law.max);
  if (max !== 0 && max < min) {
    throw new HeedError(
      "invalid-argument",
      `${where}max is ${max} and ${where}min is ${min}; max must be at least min`,
    );
  }
  return { k: 0, alpha, exponent, min, max };
}

/** @throws {HeedError} `invalid-argument` */
export function checkKeep(keep: Keep | undefined): CheckedKeep {
  if (keep === undefined) {
    throw new HeedError("invalid-argument", "keep is missing; {k} or {alpha, exponent} is needed");
  }
  checkOptionNames("keep", keep, names);
  const given: Partial<Record<(typeof names)[number], number>> = keep;
  if (given.k === undefined) return checkWindowLaw("keep.", keep as Extract<Keep, { alpha: number }>);
  const others = names.filter((name) => name !== "k" && given[name] !== undefined);
  if (others.length > 0) {
    throw new HeedError(
      "invalid-argument",
      `keep has k and also ${others.join(", ")}; either k alone or {alpha, exponent, min, max} is needed`,
    );
  }
  return { k: checkCount("keep.k", given.k, 1, Number.MAX_SAFE_INTEGER), alpha: 0, exponent: 0, min: 1, max: 0 };
}
