/**
 * The oracle: attention from its formula, in double precision, one row at a time. It shares no code with the library.
 *
 *   s_j = scale <q, k_j>    p_j = e^(s_j - max s) / Σ e^(s - max s)    out = Σ_j p_j v_j
 */
import { Random } from "./random.js";
import type { Case } from "./shapes.js";

export interface Inputs {
  shape: Case;
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
}

export function inputsFor(shape: Case, seed = 1, spread = 1): Inputs {
  const random = new Random(seed);
  const { batch, queries, keys, heads, kvHeads, headDim, valueDim } = shape;
  return {
    shape,
    q: random.array(batch * queries * heads * headDim, spread),
    k: random.array(batch * keys * kvHeads * headDim, spread),
    v: random.array(batch * keys * kvHeads * valueDim),
  };
}

/** Rows in the order (batch, query, head). */
export function rowsOf(shape: Case): { b: number; i: number; h: number }[] {
  const rows = [];
  for (let b = 0; b < shape.batch; ++b) {
    for (let i = 0; i < shape.queries; ++i) for (let h = 0; h < shape.heads; ++h) rows.push({ b, i, h });
  }
  return rows;
}

/** Where the numbers of token `i`, head `h` begin. */
export function placeOf(
  shape: Case,
  tokens: number,
  heads: number,
  dim: number,
  b: number,
  i: number,
  h: number,
): number {
  const row = shape.layout === "head-major" ? (b * heads + h) * tokens + i : (b * tokens + i) * heads + h;
  return row * dim;
}

/** The keys that query i sees: the first so many. */
export function visibleKeys(shape: Case, i: number): number {
  return shape.causal ? Math.max(0, i + 1 + shape.keys - shape.queries) : shape.keys;
}

export interface Row {
  /** s_j of the visible keys. */
  scores: Float64Array;
  /** scale Σ |q_i k_i| of the visible keys: what the rounding of a score is relative to. */
  magnitudes: Float64Array;
  /** p_j of the visible keys. */
  weights: Float64Array;
  lse: number;
  /** v_j of the visible keys. */
  values: Float32Array[];
}

export function referenceRow({ shape, q, k, v }: Inputs, b: number, i: number, h: number): Row {
  const { queries, keys, heads, kvHeads, headDim, valueDim } = shape;
  const scale = shape.scale ?? 1 / Math.sqrt(headDim);
  const group = Math.floor(h / (heads / kvHeads));
  const count = visibleKeys(shape, i);
  const scores = new Float64Array(count);
  const magnitudes = new Float64Array(count);
  const from = placeOf(shape, queries, heads, headDim, b, i, h);
  const values: Float32Array[] = [];
  for (let j = 0; j < count; ++j) {
    const at = placeOf(shape, keys, kvHeads, headDim, b, j, group);
    let [sum, magnitude] = [0, 0];
    for (let c = 0; c < headDim; ++c) {
      const product = q[from + c]! * k[at + c]!;
      sum += product;
      magnitude += Math.abs(product);
    }
    scores[j] = scale * sum;
    magnitudes[j] = Math.abs(scale) * magnitude;
    const value = placeOf(shape, keys, kvHeads, valueDim, b, j, group);
    values.push(v.subarray(value, value + valueDim));
  }
  const most = scores.reduce((a, s) => Math.max(a, s), -Infinity);
  const terms = scores.map((s) => Math.exp(s - most));
  const sum = terms.reduce((a, t) => a + t, 0);
  return { scores, magnitudes, weights: terms.map((t) => t / sum), lse: most + Math.log(sum), values };
}

/** Σ_j weights_j values_j over `chosen`, each weight multiplied by `factor`. */
export function weightedSum(row: Row, chosen: Iterable<number>, valueDim: number, factor = 1): Float64Array {
  const out = new Float64Array(valueDim);
  for (const j of chosen) {
    const weight = factor * row.weights[j]!;
    for (let c = 0; c < valueDim; ++c) out[c]! += weight * row.values[j]![c]!;
  }
  return out;
}

export function allOf(row: Row): number[] {
  return Array.from(row.weights, (_, j) => j);
}

/** The k first in rank order: score descending, then index ascending, NaN last; ascending indices. */
export function bestKeys(scores: ArrayLike<number>, k: number): number[] {
  const order = Array.from({ length: scores.length }, (_, j) => j).sort((a, b) => {
    const [x, y] = [scores[a]!, scores[b]!];
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    if (Number.isNaN(x) || x === y) return a - b;
    return y - x;
  });
  return order.slice(0, k).sort((a, b) => a - b);
}

/** The row of a top-k estimator, from the kept keys. */
export function estimate(row: Row, kept: readonly number[], valueDim: number, estimator: string): Float64Array {
  const keptMass = kept.reduce((mass, j) => mass + row.weights[j]!, 0);
  if (estimator === "renormalized") return weightedSum(row, kept, valueDim, 1 / keptMass);
  const out = weightedSum(row, kept, valueDim);
  const keptSet = new Set(kept);
  const dropped = allOf(row).filter((j) => !keptSet.has(j));
  if (estimator === "raw" || dropped.length === 0) return out;
  const tau = dropped.reduce((mass, j) => mass + row.weights[j]!, 0);
  for (const j of dropped) {
    for (let c = 0; c < valueDim; ++c) out[c]! += (tau / dropped.length) * row.values[j]![c]!;
  }
  return out;
}
