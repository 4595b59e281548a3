// The judge of top-k answers, in double precision. Which keys a row keeps is decided by float scores, so two keys whose
// scores are closer than the error of a score may legally change places. Hence two questions instead of one:
//
//   the set      k keys, each with a score of at least the k-th largest minus twice the error of a score;
//   the output   the estimator's formula over that very set, within the bound of reference.mjs.
//
// Estimators, with tau = sum of the dropped p:
//   renormalized  sum_kept p v / (1 - tau)
//   raw           sum_kept p v
//   compensated   sum_kept p v + tau * mean of the dropped values
//   linear        sum_kept p v + sum_dropped (tau / dropped + b (s - mean s)) v, b the least-squares slope of p in s

import { Verdict, allFinite, outputPlace, referenceRow, relativeBound, rowsToCheck } from "./reference.mjs";

/** `answer`: { out, indices, offsets } of attendTopK, token-major. */
export function judgeTopK(shape, inputs, answer) {
  const { heads, headDim, k, estimator } = shape;
  const verdict = new Verdict();
  if (!allFinite(answer.out)) return Object.assign(verdict, { error: Infinity, right: false });
  for (const row of rowsToCheck(shape)) {
    for (let head = 0; head < heads; ++head) {
      const reference = referenceRow(shape, inputs, row, head);
      const place = row * heads + head;
      const kept = answer.indices.subarray(answer.offsets[place], answer.offsets[place + 1]);
      if (!isTopSet(kept, reference, Math.min(k, reference.visible))) verdict.right = false;
      const from = outputPlace(shape, "token-major", row, head);
      const { expected, size } = estimate(estimator, shape, inputs.v, reference, kept, head);
      // Two sums and a quotient more than dense attention has.
      const relative = 3 * relativeBound(reference);
      for (let c = 0; c < headDim; ++c) verdict.add(Math.abs(answer.out[from + c] - expected[c]), relative * size[c]);
    }
  }
  return verdict;
}

/** Whether `kept` are `count` different keys that may be the best ones. */
export function isTopSet(kept, { scores, scoreError }, count) {
  if (kept.length !== count || new Set(kept).size !== count) return false;
  const least = [...scores].sort((a, b) => b - a)[count - 1];
  return kept.every((key) => scores[key] >= least - 2 * scoreError);
}

/** The weight of a dropped key as a function of its score. */
function tailWeight(estimator, { visible, probabilities, scores }, keptKeys, tau) {
  const dropped = visible - keptKeys.size;
  if (dropped === 0 || estimator === "renormalized" || estimator === "raw") return () => 0;
  if (estimator === "compensated") return () => tau / dropped;
  const keys = Array.from({ length: visible }, (_, j) => j).filter((j) => !keptKeys.has(j));
  const mean = keys.reduce((sum, j) => sum + scores[j], 0) / dropped;
  const spread = keys.reduce((sum, j) => sum + (scores[j] - mean) ** 2, 0);
  const slope = spread > 0 ? keys.reduce((sum, j) => sum + probabilities[j] * (scores[j] - mean), 0) / spread : 0;
  return (score) => tau / dropped + slope * (score - mean);
}

/** The estimator's output over a set, and the sum of the sizes of its terms. */
export function estimate(estimator, { heads, headDim }, v, reference, kept, head) {
  const { visible, probabilities, scores } = reference;
  const keptKeys = new Set(kept);
  let keptMass = 0;
  for (const key of kept) keptMass += probabilities[key];
  const tau = 1 - keptMass;
  const factor = estimator === "renormalized" ? 1 / keptMass : 1;
  const tail = tailWeight(estimator, reference, keptKeys, tau);
  const expected = new Float64Array(headDim);
  const size = new Float64Array(headDim);
  for (let j = 0; j < visible; ++j) {
    const weight = keptKeys.has(j) ? factor * probabilities[j] : tail(scores[j]);
    if (weight === 0) continue;
    const value = (j * heads + head) * headDim;
    for (let c = 0; c < headDim; ++c) {
      expected[c] += weight * v[value + c];
      size[c] += Math.abs(weight) * Math.abs(v[value + c]);
    }
  }
  return { expected, size };
}
