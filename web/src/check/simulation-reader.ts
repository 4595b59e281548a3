/** Parameters of a simulation, checked one by one as they are read, each with its usual value. */
import { HeedError } from "../errors.js";
import { checkFlag, shown } from "./names.js";
import { checkCount, checkPositive, checkWithin } from "./numbers.js";

/** @throws {HeedError} `invalid-argument` */
export function checkList<T>(name: string, list: unknown, element: (name: string, value: unknown) => T): T[] {
  if (Array.isArray(list) && list.length > 0) return list.map((value, i) => element(`${name}[${i}]`, value));
  throw new HeedError("invalid-argument", `${name} is ${shown(list)}; an array with at least one number is needed`);
}

/** Every method throws a HeedError `invalid-argument` that names the parameter. */
export class Reader {
  constructor(readonly values: Readonly<Record<string, unknown>>) {}

  count(name: string, usual: number, least = 1, most?: number): number {
    return checkCount(name, this.values[name] ?? usual, least, most);
  }

  positive(name: string, usual: number): number {
    return checkPositive(name, this.values[name] ?? usual);
  }

  /** Strictly between 0 and 1. */
  share(name: string, usual: number): number {
    return checkWithin(name, this.values[name] ?? usual, 1e-12, 1 - 1e-12);
  }

  shares(name: string, usual: readonly number[]): number[] {
    const share = (each: string, value: unknown) => checkWithin(each, value, 1e-12, 1 - 1e-12);
    return checkList(name, this.values[name] ?? usual, share);
  }

  within(name: string, usual: number, least: number, most: number): number {
    return checkWithin(name, this.values[name] ?? usual, least, most);
  }

  flag(name: string, usual: boolean): number {
    return Number(checkFlag(name, this.values[name], usual));
  }

  counts(name: string, usual: readonly number[], least = 1, most?: number): number[] {
    return checkList(name, this.values[name] ?? usual, (each, value) => checkCount(each, value, least, most));
  }

  positives(name: string, usual: readonly number[]): number[] {
    return checkList(name, this.values[name] ?? usual, checkPositive);
  }

  /** From 0 to 1. */
  exponents(name: string, usual: readonly number[]): number[] {
    return checkList(name, this.values[name] ?? usual, (each, value) => checkWithin(each, value, 0, 1));
  }
}
