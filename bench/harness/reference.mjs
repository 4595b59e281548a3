// The judge: attention in double precision, written from the formulas, and how far single precision may be from it.
//
//   s_j = scale <q, k_j>     p = softmax(s)     o_c = sum_j p_j v_jc
//
// Bound of an element of the output, for any implementation in single precision with unit roundoff u = 2^-24:
//
//   |error| <= (e^(2 delta) - 1 + 64 u + 16 sqrt(n) u) * sum_j p_j |v_jc|
//   delta = gamma_(d+4) max_j scale sum_c |q_c k_jc|
//
// delta bounds the error of a score (reduction of d products). 64 u is what an exponential may be off. The last term is
// the probabilistic bound lambda sqrt(n) u of Higham and Mary for the two sums over n, with lambda = 8: the worst case
// n u would let an answer of zeros pass at n = 65536.
// Rows are sampled, because all of them would take longer than the benchmark; every element is looked at for NaN.

import { uniform } from "./inputs.mjs";

const unit = 2 ** -24;
/** Multiply-adds that a check may cost: a quarter of a second or so. */
const checkedProducts = 1e8;

function gamma(count) {
  return (count * unit) / (1 - count * unit);
}

/** The first, the last, the middle, and as many rows in between as the check may cost. */
export function rowsToCheck({ n, heads, headDim }) {
  const affordable = Math.floor(checkedProducts / (2 * heads * n * headDim));
  const wanted = Math.min(n, Math.max(5, Math.min(64, affordable)));
  const rows = new Set([0, 1, n >> 1, n - 2, n - 1].filter((row) => row >= 0 && row < n));
  const random = uniform(7);
  while (rows.size < wanted) rows.add(Math.floor(random() * n));
  return [...rows].sort((a, b) => a - b);
}

/** Scores, probabilities and the error bound of a score for one row of one head. Inputs token-major. */
export function referenceRow({ n, heads, headDim, causal }, { q, k }, row, head) {
  const visible = causal ? row + 1 : n;
  const scale = 1 / Math.sqrt(headDim);
  const scores = new Float64Array(visible);
  const query = (row * heads + head) * headDim;
  let largest = -Infinity;
  let widest = 0;
  for (let j = 0; j < visible; ++j) {
    const key = (j * heads + head) * headDim;
    let sum = 0;
    let size = 0;
    for (let c = 0; c < headDim; ++c) {
      const product = q[query + c] * k[key + c];
      sum += product;
      size += Math.abs(product);
    }
    scores[j] = sum * scale;
    largest = Math.max(largest, scores[j]);
    widest = Math.max(widest, size * scale);
  }
  const weights = scores.map((score) => Math.exp(score - largest));
  const total = weights.reduce((sum, weight) => sum + weight, 0);
  const probabilities = weights.map((weight) => weight / total);
  return { visible, scores, probabilities, scoreError: gamma(headDim + 4) * widest };
}

/** What each number of a row may be off, relative to sum_j p_j |v_jc|. */
export function relativeBound({ visible, scoreError }) {
  return Math.expm1(2 * scoreError) + 64 * unit + 16 * Math.sqrt(visible) * unit;
}

/** Keeps the largest error, the bound where it stands, and whether everything was within its bound. */
export class Verdict {
  error = 0;
  bound = 0;
  right = true;

  add(error, bound) {
    if (!(error <= bound)) this.right = false;
    if (!(error <= this.error)) [this.error, this.bound] = [error, bound];
  }
}

export function allFinite(numbers) {
  for (let i = 0; i < numbers.length; ++i) if (!Number.isFinite(numbers[i])) return false;
  return true;
}

/** Where the output row of (row, head) starts. */
export function outputPlace({ n, heads, headDim }, layout, row, head) {
  return (layout === "head-major" ? head * n + row : row * heads + head) * headDim;
}

/** Compares a dense answer with the reference. `layout` is that of the answer; `inputs` are token-major. */
export function judgeAttention(shape, inputs, layout, answer) {
  const { n, heads, headDim } = shape;
  const verdict = new Verdict();
  if (answer.length !== n * heads * headDim || !allFinite(answer)) {
    return Object.assign(verdict, { error: Infinity, right: false });
  }
  for (const row of rowsToCheck(shape)) {
    for (let head = 0; head < heads; ++head) {
      const reference = referenceRow(shape, inputs, row, head);
      const place = outputPlace(shape, layout, row, head);
      judgeRow(verdict, shape, inputs.v, reference, head, answer.subarray(place, place + headDim));
    }
  }
  return verdict;
}

function judgeRow(verdict, { heads, headDim }, v, reference, head, answer) {
  const { visible, probabilities } = reference;
  const expected = new Float64Array(headDim);
  const size = new Float64Array(headDim);
  for (let j = 0; j < visible; ++j) {
    const value = (j * heads + head) * headDim;
    for (let c = 0; c < headDim; ++c) {
      expected[c] += probabilities[j] * v[value + c];
      size[c] += probabilities[j] * Math.abs(v[value + c]);
    }
  }
  const relative = relativeBound(reference);
  for (let c = 0; c < headDim; ++c) verdict.add(Math.abs(answer[c] - expected[c]), relative * size[c]);
}
