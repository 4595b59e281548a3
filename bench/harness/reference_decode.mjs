// The judge of decoding: `queries` single tokens, each of which sees all n keys. What is expected is worked out once,
// so that the inputs, which may be half a gigabyte, need not stay.
//
// A cache that stores half floats or bytes is judged against attention over the numbers that it stores, rounded here by
// the documented rule: half floats to the nearest; bytes x ~ scale round(x / scale), scale = max |row| / 127. A query
// over bytes is rounded to whole numbers of at most `whole`, so a score is off by up to
//   scale_q / 2 * sum_c |k_c|,   scale_q = max |q| / whole.
//
// An approximate answer (`tail: "sampled"`, or a search that stops early) has no formula that it could be held to; it
// is wrong when it is further from the truth than any renormalized answer over its set may be, 2 tau max ||v||.

import { Verdict, allFinite, referenceRow, relativeBound } from "./reference.mjs";
import { estimate, isTopSet } from "./reference_top_k.mjs";

const largestWhole = (columns) => Math.min(32767, Math.floor(0x7fffffff / (127 * columns)));

/** In place: the numbers as a cache of this type holds them. */
function stored(numbers, dtype, headDim) {
  if (dtype === undefined || dtype === "f32") return numbers;
  if (dtype === "f16") return numbers.map((x) => Math.f16round(x));
  const rounded = new Float32Array(numbers.length);
  for (let row = 0; row < numbers.length; row += headDim) {
    let largest = 0;
    for (let c = row; c < row + headDim; ++c) largest = Math.max(largest, Math.abs(numbers[c]));
    const scale = Math.fround(largest / 127);
    const inverse = scale === 0 ? 0 : Math.fround(1 / scale);
    for (let c = row; c < row + headDim; ++c) {
      const x = Math.fround(numbers[c] * inverse);
      // To the nearest, ties to even.
      const low = Math.floor(x);
      const whole = x - low === 0.5 ? low + (low & 1) : Math.round(x);
      rounded[c] = scale * whole;
    }
  }
  return rounded;
}

function queryRounding({ heads, headDim, n }, { q, k }, query, head) {
  const from = (query * heads + head) * headDim;
  const largest = q.subarray(from, from + headDim).reduce((most, x) => Math.max(most, Math.abs(x)), 0);
  let widest = 0;
  for (let j = 0; j < n; ++j) {
    let sum = 0;
    const key = (j * heads + head) * headDim;
    for (let c = 0; c < headDim; ++c) sum += Math.abs(k[key + c]);
    widest = Math.max(widest, sum);
  }
  return ((largest / largestWhole(headDim)) * widest) / 2 / Math.sqrt(headDim);
}

function valuesMean({ heads, headDim }, v, head, weights) {
  const mean = new Float64Array(headDim);
  const size = new Float64Array(headDim);
  weights.forEach((weight, j) => {
    const value = (j * heads + head) * headDim;
    for (let c = 0; c < headDim; ++c) {
      mean[c] += weight * v[value + c];
      size[c] += weight * Math.abs(v[value + c]);
    }
  });
  return { mean, size };
}

const distance = (a, b) => Math.sqrt(a.reduce((sum, x, i) => sum + (x - b[i]) ** 2, 0));
const norm = (a) => Math.sqrt(a.reduce((sum, x) => sum + x * x, 0));

/** Everything there is to say of (query, head). */
function referenceOf(shape, inputs, query, head) {
  const row = referenceRow({ ...shape, causal: false }, inputs, query, head);
  if (shape.dtype === "int8") row.scoreError += queryRounding(shape, inputs, query, head);
  const { mean, size } = valuesMean(shape, inputs.v, head, row.probabilities);
  return { row, mean, size };
}

function largestValue({ heads, headDim, n }, v, head) {
  let largest = 0;
  for (let j = 0; j < n; ++j)
    largest = Math.max(largest, norm(v.subarray((j * heads + head) * headDim).subarray(0, headDim)));
  return largest;
}

/**
 * `answers[i]`: of query i, (heads, headDim), or what attendTopK returns with indices. Returns the verdict and a
 * function that judges later answers of the same queries.
 */
export function judgeDecode(shape, { q, k, v }, answers) {
  const { queries, heads, headDim } = shape;
  const inputs = { q, k: stored(k, shape.dtype, headDim), v: stored(v, shape.dtype, headDim) };
  const verdict = new Verdict();
  const expected = [];
  let off = 0;
  for (let head = 0; head < heads; ++head) {
    const largest = shape.approximate ? largestValue(shape, inputs.v, head) : 0;
    for (let query = 0; query < queries; ++query) {
      const reference = referenceOf(shape, inputs, query, head);
      const out = answers[query].out ?? answers[query];
      const answer = out.subarray(head * headDim, (head + 1) * headDim);
      if (answer.length !== headDim || !allFinite(answer))
        return { verdict: { error: Infinity, bound: 0, right: false } };
      const judged =
        shape.k === undefined
          ? judgeExact(reference)
          : judgeSet(shape, inputs, reference, answers[query], head, largest, verdict);
      for (let c = 0; c < headDim; ++c) {
        if (!shape.approximate) verdict.add(Math.abs(answer[c] - judged.mean[c]), judged.allowed[c]);
      }
      const away = distance(answer, reference.mean);
      if (shape.approximate) verdict.add(away, judged.away);
      off += away / norm(reference.mean) / queries / heads;
      expected[query * heads + head] = judged;
    }
  }
  // What was right stays right when it has not changed by more than it was allowed to be off.
  const again = (later) => {
    const verdictOf = new Verdict();
    later.forEach((one, query) => {
      const [first, last] = [answers[query].out ?? answers[query], one.out ?? one];
      for (let i = 0; i < first.length; ++i) {
        const judged = expected[query * heads + Math.floor(i / headDim)];
        verdictOf.add(Math.abs(first[i] - last[i]), shape.approximate ? 0 : judged.allowed[i % headDim]);
      }
    });
    return verdictOf;
  };
  return { verdict, off: shape.k === undefined ? undefined : off, again };
}

function judgeExact({ row, mean, size }) {
  return { mean, allowed: size.map((x) => x * relativeBound(row)) };
}

function judgeSet(shape, inputs, { row, size }, answer, head, largest, verdict) {
  const { k, estimator } = shape;
  const kept = answer.indices.subarray(answer.offsets[head], answer.offsets[head + 1]);
  if (kept.length !== k || new Set(kept).size !== k) verdict.right = false;
  if (!shape.approximateSet && !isTopSet(kept, row, k)) verdict.right = false;
  if (shape.approximate) {
    const tau = 1 - kept.reduce((sum, key) => sum + row.probabilities[key], 0);
    return { away: 2 * tau * largest + norm(size) * relativeBound(row) };
  }
  const { expected, size: allowed } = estimate(estimator, shape, inputs.v, row, kept, head);
  return { mean: expected, allowed: allowed.map((x) => 3 * x * relativeBound(row)) };
}
