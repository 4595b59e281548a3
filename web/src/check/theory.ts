/**
 * The parameters of the formulas, as data: each name with its check and what stands for it when it is missing.
 *
 * The order is that in which the module takes them; a list becomes an array of its own, which the module takes as
 * address and count.
 */
import { HeedError } from "../errors.js";
import type { Formulas, FormulaName } from "../theory.js";
import { checkAttached } from "./arrays.js";
import { checkWindowLaw } from "./keep.js";
import { checkOptionNames, checkWord, shown } from "./names.js";
import { checkCount, checkFinite, checkPositive, checkWithin } from "./numbers.js";

/** What the module takes for one parameter. */
export type FormulaValue = number | Uint32Array | Float64Array;

/** A formula to evaluate, its parameters checked and in order. */
export interface FormulaCall {
  formula: FormulaName;
  values: FormulaValue[];
}

/** `length` is that of the lists before. */
type Check = (name: string, value: unknown, length: number) => FormulaValue;
/** A check, and the value of a parameter that is not given; without one it has to be. */
type Parameter = readonly [check: Check, missing?: FormulaValue];

const count: Check = (name, value) => checkCount(name, value);
const two: Check = (name, value) => checkCount(name, value, 2);
const size: Check = (name, value) => checkCount(name, value, 0);
const finite: Check = checkFinite;
const positive: Check = checkPositive;
const atLeastZero: Check = (name, value) => checkWithin(name, value, 0, Number.MAX_VALUE);
const share: Check = (name, value) => checkWithin(name, value, 0, 1);
const risk: Check = (name, value) => checkWithin(name, value, 1e-300, 1);

function word(...words: string[]): Check {
  return (name, value) => words.indexOf(checkWord(name, value, words));
}

function list<List extends FormulaValue>(make: (numbers: number[]) => List, check: Check): Check {
  return (name, value) => {
    if (!Array.isArray(value) && !ArrayBuffer.isView(value)) {
      throw new HeedError("invalid-argument", `${name} is ${shown(value)}; an array of numbers is needed`);
    }
    if (ArrayBuffer.isView(value)) checkAttached(name, value);
    const numbers = Array.from(value as ArrayLike<unknown>, (one, i) => check(`${name}[${i}]`, one, 0) as number);
    if (numbers.length > 0) return make(numbers);
    throw new HeedError("invalid-argument", `${name} is empty; at least one number is needed`);
  };
}

const counts = list((numbers) => Uint32Array.from(numbers), count);
const positives = list((numbers) => Float64Array.from(numbers), positive);
const finites = list((numbers) => Float64Array.from(numbers), finite);
/** One number stands for a list of it. */
const oneOrMore: Check = (name, value, length) =>
  typeof value === "number"
    ? new Float64Array(length).fill(checkPositive(name, value))
    : positives(name, value, length);

const cost: Parameter = [word("length", "prefill", "decode"), 2];

const parametersOf: { readonly [Name in FormulaName]: Readonly<Record<string, Parameter>> } = {
  windowLaw: { n: [count], alpha: [positive], exponent: [share], min: [size, 1], max: [count, 0] },
  ineffectiveShare: { n: [count], epsilon: [positive], sigma: [positive] },
  effectiveEntries: { n: [count], epsilon: [positive], sigma: [positive] },
  gaussianTopK: { n: [count], k: [count], sigma: [positive] },
  keepForMass: { n: [count], sigma: [positive], mass: [share] },
  logitBound: {
    n: [count],
    delta: [risk, 0.01],
    radius: [atLeastZero],
    rigorousRadius: [atLeastZero],
    stableRank: [atLeastZero],
  },
  regime: { n: [two], sigma: [atLeastZero], selfScore: [finite, -Infinity] },
  sufficiency: { n: [two], exponent: [share], spread: [atLeastZero] },
  necessity: { n: [count], k: [count], spread: [atLeastZero] },
  alignCost: { lengths: [counts], k: [count], exponent: [share], cost, min: [size, 1], max: [count, 0] },
  equalCost: { lengths: [counts], sigma: [oneOrMore], k: [count], exponent: [share], cost },
  policies: { n: [count], k: [count], sigma: [positives] },
  calibrate: {
    lengths: [positives],
    entries: [positives],
    method: [word("fit", "grid", "theory"), 0],
    holdOut: [size, 0],
    mass: [share, 0],
    sigma: [oneOrMore, new Float64Array(1)],
  },
  certificates: { scores: [finites], k: [count] },
  singleGap: { n: [count], k: [count], gap: [atLeastZero] },
  headAware: { n: [count], k: [count], logKept: [finite], next: [finite] },
  logitError: { error: [atLeastZero] },
  // In the order of `NumberFormat` in cpp/theory/number_format.hpp; its last, int8, depends on a range.
  rounded: { x: [finite], format: [word("f64", "f32", "bf16", "f16", "e4m3", "e5m2")] },
};

function refuse(message: string): never {
  throw new HeedError("invalid-argument", message);
}

/** What concerns more than one parameter. */
function checkTogether(formula: FormulaName, given: Record<string, unknown>): void {
  const { min, max } = given as Partial<Formulas["windowLaw"]["parameters"]>;
  if (min !== undefined && max !== undefined) checkWindowLaw("", { alpha: 1, exponent: 1, min, max });
  if (formula !== "calibrate") return;
  const { lengths, method, holdOut, mass, sigma } = given as Partial<Formulas["calibrate"]["parameters"]>;
  const most = (lengths as readonly number[]).length - 1;
  if ((holdOut ?? 0) > most) refuse(`holdOut is ${holdOut}; an integer from 0 to ${most} is needed, to leave a length`);
  if (method === "theory" && (!mass || sigma === undefined)) {
    refuse('method is "theory"; then mass, greater than 0, and sigma are needed');
  }
}

/** @throws {HeedError} `invalid-argument`, `detached` */
export function checkTheory(formula: FormulaName, parameters: unknown): FormulaCall {
  const known = parametersOf[formula];
  checkOptionNames(`theory.${formula}`, parameters, Object.keys(known));
  const given = parameters as Record<string, unknown>;
  let length = 0;
  const values = Object.entries(known).map(([name, [check, missing]]) => {
    if (given[name] === undefined && missing !== undefined) return missing;
    const value = check(name, given[name], length);
    if (typeof value === "number") return value;
    if (length > 0 && value.length !== length) {
      refuse(`${name} has ${value.length} numbers; as many as lengths are needed, ${length}`);
    }
    length = value.length;
    return value;
  });
  checkTogether(formula, given);
  return { formula, values };
}
