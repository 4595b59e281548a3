/** Whole results against the oracle, row by row; one failure tells the row. */
import type { Certificates } from "heed";
import { expect } from "vitest";

import {
  attentionBound,
  estimatorBound,
  linearBound,
  lseBound,
  preciseBound,
  renormalizedBound,
  scoreBound,
  weightBound,
} from "./bounds.js";
import {
  allOf,
  droppedKeys,
  estimate,
  placeOf,
  referenceRow,
  rowsOf,
  weightedSum,
  type Inputs,
  type Row,
} from "./reference.js";

function expectWithin(actual: ArrayLike<number>, expected: ArrayLike<number>, bound: number, what: string): void {
  for (let c = 0; c < expected.length; ++c) {
    const difference = Math.abs(actual[c]! - expected[c]!);
    if (difference <= bound || actual[c] === expected[c]) continue;
    expect.fail(`${what}, column ${c}: ${actual[c]} differs from ${expected[c]} by ${difference}, allowed is ${bound}`);
  }
}

function outRow({ shape }: Inputs, out: Float32Array, b: number, i: number, h: number): Float32Array {
  const at = placeOf(shape, shape.queries, shape.heads, shape.valueDim, b, i, h);
  return out.subarray(at, at + shape.valueDim);
}

/** Attention family. */
export function expectExact(inputs: Inputs, out: Float32Array, lse?: Float32Array): void {
  const { shape } = inputs;
  expect(out).toHaveLength(shape.batch * shape.queries * shape.heads * shape.valueDim);
  rowsOf(shape).forEach(({ b, i, h }, r) => {
    const row = referenceRow(inputs, b, i, h);
    const where = `row ${b},${i},${h}`;
    const expected = weightedSum(row, allOf(row), shape.valueDim);
    expectWithin(outRow(inputs, out, b, i, h), expected, attentionBound(row, shape.headDim), where);
    if (!lse) return;
    if (row.scores.length === 0) expect(lse[r]).toBe(-Infinity);
    else expectWithin([lse[r]!], [row.lse], lseBound(row, shape.headDim), `${where} lse`);
  });
}

/** Attention in double: one rounding of every number of the result, and next to nothing else. */
export function expectPrecise(inputs: Inputs, out: Float32Array): void {
  const { shape } = inputs;
  for (const { b, i, h } of rowsOf(shape)) {
    const row = referenceRow(inputs, b, i, h);
    const actual = outRow(inputs, out, b, i, h);
    weightedSum(row, allOf(row), shape.valueDim).forEach((expected, c) => {
      expectWithin([actual[c]!], [expected], preciseBound(row, shape.headDim, expected), `row ${b},${i},${h}`);
    });
  }
}

/** Reduction family; hidden keys have the score -Infinity and the weight 0. */
export function expectScores(inputs: Inputs, scores: Float32Array, weights: Float32Array): void {
  const { shape } = inputs;
  for (const array of [scores, weights]) {
    expect(array).toHaveLength(shape.batch * shape.heads * shape.queries * shape.keys);
  }
  for (const { b, i, h } of rowsOf(shape)) {
    const row = referenceRow(inputs, b, i, h);
    const at = ((b * shape.heads + h) * shape.queries + i) * shape.keys;
    const expectedScores = new Float64Array(shape.keys).fill(-Infinity);
    const expectedWeights = new Float64Array(shape.keys);
    row.keys.forEach((key, place) => {
      expectedScores[key] = row.scores[place]!;
      expectedWeights[key] = row.weights[place]!;
    });
    const where = `row ${b},${i},${h}`;
    expectWithin(scores.subarray(at), expectedScores, scoreBound(row, shape.headDim), `scores, ${where}`);
    expectWithin(weights.subarray(at), expectedWeights, weightBound(row, shape.headDim), `weights, ${where}`);
  }
}

export interface SparseResult {
  out: Float32Array;
  dropped: Float32Array;
  bound: Float32Array;
  kept: Uint32Array;
  indices: Uint32Array;
  offsets: Uint32Array;
}

/** A sparse result against the estimator of its own kept keys, and its report against the dropped mass. */
export function expectSparse(inputs: Inputs, result: SparseResult, estimator: string): void {
  const { shape } = inputs;
  const rows = rowsOf(shape);
  expect(result.offsets).toHaveLength(rows.length + 1);
  expect(result.offsets.at(-1)).toBe(result.indices.length);
  rows.forEach(({ b, i, h }, r) => {
    const row = referenceRow(inputs, b, i, h);
    const keys = [...result.indices.subarray(result.offsets[r]!, result.offsets[r + 1]!)];
    expect(keys).toHaveLength(result.kept[r]!);
    if (!keys.every((key, at) => at === 0 || key > keys[at - 1]!)) expect.fail(`the keys of row ${r} do not ascend`);
    const kept = keys.map((key) => row.keys.indexOf(key));
    if (kept.includes(-1)) expect.fail(`row ${r} keeps a key that it does not see`);
    const expected =
      kept.length === 0 ? new Float64Array(shape.valueDim) : estimate(row, kept, shape.valueDim, estimator);
    const bound = { renormalized: renormalizedBound, linear: linearBound }[estimator] ?? estimatorBound;
    const allowed = bound(row, shape.headDim, kept);
    expectWithin(outRow(inputs, result.out, b, i, h), expected, allowed, `row ${b},${i},${h}`);
    expectDropped(row, kept, result.dropped[r]!, result.bound[r]!, shape.headDim);
  });
}

/** Certificates against the truth, in double: no tolerance. */
export function expectCertificates(inputs: Inputs, result: SparseResult & { certificates: Certificates }): void {
  const { shape } = inputs;
  const { singleGap, headAware, blockwise, outputError, logitError } = result.certificates;
  rowsOf(shape).forEach(({ b, i, h }, r) => {
    const row = referenceRow(inputs, b, i, h);
    const kept = [...result.indices.subarray(result.offsets[r]!, result.offsets[r + 1]!)];
    const places = kept.map((key) => row.keys.indexOf(key));
    const tau = droppedKeys(row, places).reduce((mass, j) => mass + row.weights[j]!, 0);
    // One expectation a row, because there are many rows.
    const below = [singleGap, headAware, blockwise]
      .map((bound) => bound[r]!)
      .filter((one) => !(one >= tau && one <= 1));
    expect(below, `bounds of row ${b},${i},${h} below ${tau} or above 1`).toEqual([]);
    const certain = headAware[r]! <= singleGap[r]! && logitError[r]! >= 0 && logitError[r]! < 1e-3;
    if (!certain) expect.fail(`row ${b},${i},${h}: ${headAware[r]}, ${singleGap[r]}, ${logitError[r]}`);
    const exact = weightedSum(row, allOf(row), shape.valueDim);
    const returned = outRow(inputs, result.out, b, i, h);
    const error = Math.hypot(...exact.map((x, c) => x - returned[c]!));
    if (!(outputError[r]! >= error)) expect.fail(`output error of row ${b},${i},${h}: ${outputError[r]} < ${error}`);
  });
}

function expectDropped(row: Row, kept: readonly number[], dropped: number, bound: number, headDim: number): void {
  const tau = droppedKeys(row, kept).reduce((mass, j) => mass + row.weights[j]!, 0);
  expectWithin([dropped], [tau], weightBound(row, headDim), "dropped");
  expect(bound, "bound holds for the exact dropped mass").toBeGreaterThanOrEqual(tau);
  expect(bound).toBeGreaterThanOrEqual(dropped);
  expect(bound).toBeLessThanOrEqual(1);
}
