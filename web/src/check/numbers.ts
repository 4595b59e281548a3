/** Single numbers. */
import { HeedError } from "../errors.js";
import { shown } from "./names.js";

/** Sizes and counts cross to the module as 32 bits. */
const largestCount = 0xffffffff;

/** @throws {HeedError} `invalid-argument` */
export function checkCount(name: string, value: unknown, least = 1, most = largestCount): number {
  if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
  const range = most === largestCount ? `an integer of at least ${least}` : `an integer from ${least} to ${most}`;
  throw new HeedError("invalid-argument", `${name} is ${shown(value)}; ${range} is needed`);
}

/** @throws {HeedError} `invalid-argument` */
export function checkFinite(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value)) return value;
  throw new HeedError("invalid-argument", `${name} is ${shown(value)}; a finite number is needed`);
}

/** Greater than zero. @throws {HeedError} `invalid-argument` */
export function checkPositive(name: string, value: unknown): number {
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new HeedError("invalid-argument", `${name} is ${shown(value)}; a finite number greater than 0 is needed`);
}

/** @throws {HeedError} `invalid-argument` */
export function checkWithin(name: string, value: unknown, least: number, most: number): number {
  if (typeof value === "number" && value >= least && value <= most) return value;
  throw new HeedError("invalid-argument", `${name} is ${shown(value)}; a number from ${least} to ${most} is needed`);
}
