/**
 * The oracle: attention from its formula, in double precision, one row at a time. It shares no code with the library.
 *
 *   s_j = softcap(scale <q, k_j>) + mask_j    softcap(x) = c tanh(x / c)
 *   p_j = e^(s_j - max s) / Σ e^(s - max s)    out = Σ_j p_j v_j
 */
import { Random } from "./random.js";
import type { Case } from "./shapes.js";

export interface Inputs {
  shape: Case;
  q: Float32Array;
  k: Float32Array;
  v: Float32Array;
  rules?: Rules;
}

/** Options between a product and its weight, as a caller gives them. */
export interface Rules {
  window?: number;
  sinks?: number;
  softcap?: number;
  mask?: Float32Array | Uint8Array;
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

/** The keys that query i sees, window and mask aside: the first so many. */
export function visibleKeys(shape: Case, i: number): number {
  return shape.causal ? Math.max(0, i + 1 + shape.keys - shape.queries) : shape.keys;
}

/** Where the mask's row of a query and head begins. */
function maskRow({ shape: { queries, keys } }: Inputs, mask: ArrayLike<number>, i: number, h: number): number {
  return (mask.length === queries * keys ? i : h * queries + i) * keys;
}

/** The keys that a row sees, ascending. */
export function seenKeys(inputs: Inputs, i: number, h: number): number[] {
  const { window, sinks = 0, mask } = inputs.rules ?? {};
  const end = visibleKeys(inputs.shape, i);
  const from = window === undefined ? 0 : end - window;
  const hides = mask instanceof Uint8Array ? 0 : -Infinity;
  const row = mask ? maskRow(inputs, mask, i, h) : 0;
  const all = Array.from({ length: end }, (_, j) => j);
  return all.filter((j) => (j >= from || j < sinks) && (!mask || mask[row + j] !== hides));
}

export interface Row {
  /** The visible keys. Without a window and a mask, key j is at place j of what follows. */
  keys: number[];
  /** s_j of the visible keys. */
  scores: Float64Array;
  /** scale q k_j of the visible keys: scores before softcap and mask. */
  logits: Float64Array;
  /** scale Σ |q_i k_i| of the visible keys: what the rounding of a score is relative to. */
  magnitudes: Float64Array;
  /** Rounding of scores after the product: softcap and mask. */
  extra: number;
  /** p_j of the visible keys. */
  weights: Float64Array;
  lse: number;
  /** v_j of the visible keys. */
  values: Float32Array[];
}

/** Softcap is within 4e-7 c (cpp/simd/score_rules.hpp), adding a mask rounds once. */
function extraRounding({ softcap = 0, mask }: Rules, scores: Float64Array): number {
  const largest = scores.reduce((a, s) => Math.max(a, Math.abs(s)), 0);
  return 4e-7 * softcap + (mask instanceof Float32Array ? 2 ** -24 * largest : 0);
}

export function referenceRow(inputs: Inputs, b: number, i: number, h: number): Row {
  const { shape, q, k, v, rules = {} } = inputs;
  const { softcap, mask } = rules;
  const { queries, keys, heads, kvHeads, headDim, valueDim } = shape;
  const scale = shape.scale ?? 1 / Math.sqrt(headDim);
  const group = Math.floor(h / (heads / kvHeads));
  const seen = seenKeys(inputs, i, h);
  const scores = new Float64Array(seen.length);
  const logits = new Float64Array(seen.length);
  const magnitudes = new Float64Array(seen.length);
  const from = placeOf(shape, queries, heads, headDim, b, i, h);
  const values: Float32Array[] = [];
  seen.forEach((j, place) => {
    const at = placeOf(shape, keys, kvHeads, headDim, b, j, group);
    let [sum, magnitude] = [0, 0];
    for (let c = 0; c < headDim; ++c) {
      const product = q[from + c]! * k[at + c]!;
      sum += product;
      magnitude += Math.abs(product);
    }
    logits[place] = scale * sum;
    const capped = softcap === undefined ? scale * sum : softcap * Math.tanh((scale * sum) / softcap);
    scores[place] = capped + (mask instanceof Float32Array ? mask[maskRow(inputs, mask, i, h) + j]! : 0);
    magnitudes[place] = Math.abs(scale) * magnitude;
    const value = placeOf(shape, keys, kvHeads, valueDim, b, j, group);
    values.push(v.subarray(value, value + valueDim));
  });
  const most = scores.reduce((a, s) => Math.max(a, s), -Infinity);
  const terms = scores.map((s) => Math.exp(s - most));
  const sum = terms.reduce((a, t) => a + t, 0);
  const weights = terms.map((t) => t / sum);
  const extra = extraRounding(rules, scores);
  return { keys: seen, scores, logits, magnitudes, extra, weights, lse: most + Math.log(sum), values };
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

/** Places in rank order: score descending, then index ascending, NaN last. */
export function rankOrder(scores: ArrayLike<number>): number[] {
  return Array.from({ length: scores.length }, (_, j) => j).sort((a, b) => {
    const [x, y] = [scores[a]!, scores[b]!];
    if (Number.isNaN(x) !== Number.isNaN(y)) return Number.isNaN(x) ? 1 : -1;
    if (Number.isNaN(x) || x === y) return a - b;
    return y - x;
  });
}

/** The k first in rank order, as ascending indices. */
export function bestKeys(scores: ArrayLike<number>, k: number): number[] {
  return rankOrder(scores)
    .slice(0, k)
    .sort((a, b) => a - b);
}

/** Keys that a row sees in the order in which it keeps them: sinks first, then by the scores of all keys of the row. */
export function keepingOrder(seen: readonly number[], scores: ArrayLike<number>, sinks: number): number[] {
  const first = seen.filter((key) => key < sinks);
  const others = seen.slice(first.length);
  const order = rankOrder(others.map((key) => scores[key]!));
  return [...first, ...order.map((place) => others[place]!)];
}

/** The least-squares line of p over the logits x on the dropped keys: p ~ level + slope (x - mean). */
export interface Line {
  level: number;
  slope: number;
  mean: number;
  /** Σ (x - mean)² over the dropped keys. */
  spread: number;
}

export function fitLine(row: Row, dropped: readonly number[]): Line {
  const meanOf = (numbers: Float64Array) => dropped.reduce((sum, j) => sum + numbers[j]!, 0) / dropped.length;
  const [level, mean] = [meanOf(row.weights), meanOf(row.logits)];
  const spread = dropped.reduce((sum, j) => sum + (row.logits[j]! - mean) ** 2, 0);
  const product = dropped.reduce((sum, j) => sum + row.weights[j]! * (row.logits[j]! - mean), 0);
  return { level, slope: spread > 0 ? product / spread : 0, mean, spread };
}

/** The places of the visible keys that are not kept. */
export function droppedKeys(row: Row, kept: readonly number[]): number[] {
  const keptSet = new Set(kept);
  return allOf(row).filter((j) => !keptSet.has(j));
}

/** The row of a top-k estimator, from the places of the kept keys. */
export function estimate(row: Row, kept: readonly number[], valueDim: number, estimator: string): Float64Array {
  const keptMass = kept.reduce((mass, j) => mass + row.weights[j]!, 0);
  if (estimator === "renormalized") return weightedSum(row, kept, valueDim, 1 / keptMass);
  const out = weightedSum(row, kept, valueDim);
  const dropped = droppedKeys(row, kept);
  if (estimator === "raw" || dropped.length === 0) return out;
  const { level, slope, mean } = fitLine(row, dropped);
  for (const j of dropped) {
    const weight = estimator === "linear" ? level + slope * (row.logits[j]! - mean) : level;
    for (let c = 0; c < valueDim; ++c) out[c]! += weight * row.values[j]![c]!;
  }
  return out;
}
