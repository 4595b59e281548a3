/**
 * How far a result may be from the oracle, by error family. Every tolerance of these tests comes from here.
 *
 *   reduction   a sum of m products in any order is within γ_m Σ |a_i b_i|, γ_m = m u / (1 - m u), u = 2^-24
 *   attention   if every score is within δ and every exponential within ε of relative error, a weight is within
 *               e^(2(δ + ε)) - 1 of relative error, and the two sums of n terms add γ_(2n + 2); so the output is within
 *               (e^(2(δ + ε)) - 1 + γ_(2n + 2)) max |V|
 *   elementwise the exponential: kExpError + 2 u |x| (cpp/simd/exp.hpp)
 *   line        the linear estimator, below
 */
import { droppedKeys, fitLine, type Row } from "./reference.js";

const unit = 2 ** -24;
/** Stated in cpp/simd/exp.hpp, where the test of the exponential holds it. */
const exponentialError = 4e-7;
/** Below this the exponential is exactly zero, which is an absolute error of 2^-126: nothing beside the others. */
const lowestExponent = 88;

export function gamma(terms: number): number {
  return (terms * unit) / (1 - terms * unit);
}

/** Reduction family: |score - reference| for a dot product of `headDim` products, the scale, softcap and mask. */
export function scoreBound(row: Row, headDim: number): number {
  const largest = row.magnitudes.reduce((a, m) => Math.max(a, m), 0);
  return gamma(headDim + 2) * largest + row.extra;
}

/** Relative error of a weight: scores, exponential, the two sums. */
export function weightBound(row: Row, headDim: number): number {
  const most = row.scores.reduce((a, s) => Math.max(a, s), -Infinity);
  const least = row.scores.reduce((a, s) => Math.min(a, s), Infinity);
  const spread = row.scores.length === 0 ? 0 : Math.min(most - least, lowestExponent);
  // The subtraction of the maximum rounds once, the exponential twice, relative to the exponent.
  const exponential = exponentialError + 3 * unit * spread;
  return Math.expm1(2 * (scoreBound(row, headDim) + exponential)) + gamma(2 * row.scores.length + 2);
}

/** Attention family. */
export function attentionBound(row: Row, headDim: number): number {
  return weightBound(row, headDim) * largestValue(row);
}

/** Attention family twice: the kept keys, and the mean of the dropped ones with the error of their mass. */
export function estimatorBound(row: Row, headDim: number): number {
  return 2 * attentionBound(row, headDim);
}

/** The same, after division by the kept mass: its relative error joins that of the weights. */
export function renormalizedBound(row: Row, headDim: number, kept: readonly number[]): number {
  const keptMass = kept.reduce((mass, j) => mass + row.weights[j]!, 0);
  return (2 * attentionBound(row, headDim)) / keptMass;
}

/** Log of the denominator: the scores and the sum, and one rounding of the result. */
export function lseBound(row: Row, headDim: number): number {
  return weightBound(row, headDim) + 2 * unit * Math.abs(row.lse);
}

function largestValue(row: Row): number {
  return row.values.reduce((a, value) => value.reduce((x, number) => Math.max(x, Math.abs(number)), a), 0);
}

/**
 * Attention family in double, of the library and of the oracle, and the rounding of the result to f32. Every error of
 * the f32 family is one of u; here u is 2^-53, and the exponential is within 2 u.
 */
export function preciseBound(row: Row, headDim: number, expected: number): number {
  const small = 2 ** -53 / unit;
  return 2 * small * attentionBound(row, headDim) + unit * Math.abs(expected) * (1 + unit);
}

/** Keys that the library sums before it adds to a row: cpp/simd/block.hpp. */
const keyBlock = 96;

/**
 * The line is the projection of p on {1, s}: relative errors E of p move it by no more than themselves in the 2-norm,
 * so its sum over m dropped values by √m E max |V|, and the dropped mass adds its own; an error δ of the scores moves the
 * regressor. The sums of squares are known to γ of a block, which the fit divides by the share of the squares that is
 * spread; where that share is below 10^-4 the library takes the line as flat.
 */
export function linearBound(row: Row, headDim: number, kept: readonly number[]): number {
  const dropped = droppedKeys(row, kept);
  const plain = estimatorBound(row, headDim);
  if (dropped.length === 0) return plain;
  const { slope, spread } = fitLine(row, dropped);
  const highest = row.logits.reduce((a, x) => Math.max(a, x), -Infinity);
  const squares = row.logits.reduce((sum, x) => sum + (x - highest) ** 2, 0);
  const m = dropped.length;
  const blocks = Math.ceil(row.scores.length / keyBlock);
  const rounding = spread > 0 ? (16 * gamma(keyBlock + blocks) * squares) / spread : 0;
  const size = Math.abs(slope) * Math.sqrt(m * spread);
  const tilt = Math.abs(slope) * m * (2 * scoreBound(row, headDim) + rounding * unit);
  const flat = spread < 2e-4 * squares ? size : 0;
  const errors = Math.sqrt(m) * 3 * weightBound(row, headDim);
  return plain + largestValue(row) * (errors + size * rounding + tilt + flat);
}
