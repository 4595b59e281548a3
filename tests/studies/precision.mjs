// One-token decoding with every sum in fewer bits: which tokens an accumulator can still see.
//
//   node tests/studies/precision.mjs        prints the table of results/precision.md
//
// Of a query over n tokens, s_j = scale <q, k_j>, w_j = e^(s_j - max s), o = sum w_j v_j / sum w_j, with
//
//   f16, bf16, fp8 (e4m3)   every product and every partial sum of a score, of the weights and of the weighted values
//                           rounded to the format, token after token; f32 likewise
//   f32, pairwise           scores as f32; both sums over tokens as a tree of halves
//   int8                    keys, queries and values rounded to 127 steps of their largest number, products summed
//                           exactly; weights rounded to 127 steps of 1 and summed exactly
//
// A token is lost when its weight does not change the sum of weights: half a unit in the last place of a sum above 2^e
// is 2^(e - p), so with p bits every weight below that goes (theory/README.md, collapse). `effective` counts the tokens
// with p_j above half a unit in the last place of a sum just below 1, 2^-(p + 1): what the theory says such a sum can see.
// `off` is ||o - exact|| / ||exact||, exact in doubles; all columns are means over queries and heads.

import { fileURLToPath } from "node:url";

import { inputsOf } from "../../bench/harness/inputs.mjs";
import { formats, roundTo } from "./rounding.mjs";

export const cases = [
  ...[256, 2048, 16384].map((n) => ({ data: "gaussian", n, heads: 2, headDim: 64, queries: 2 })),
  ...[0, 3, 6].map((layer) => ({ data: `layer-${layer}`, n: 2048, heads: 8, headDim: 64, queries: 2 })),
];

const ways = ["f32", "f32 pairwise", "f16", "bf16", "fp8", "int8"];

function doubles({ n, heads, headDim }, { q, k, v }, query, head) {
  const rows = (numbers, j) => numbers.subarray((j * heads + head) * headDim, (j * heads + head + 1) * headDim);
  return { n, headDim, q: rows(q, query), key: (j) => rows(k, j), value: (j) => rows(v, j) };
}

/** Sums term by term with `add`, or pairwise. */
function treeSum(from, to, term, add) {
  if (to - from === 1) return term(from);
  const middle = (from + to) >> 1;
  return add(treeSum(from, middle, term, add), treeSum(middle, to, term, add));
}

function exactRow({ n, headDim, q, key, value }) {
  const scores = Float64Array.from({ length: n }, (_, j) => {
    const k = key(j);
    let sum = 0;
    for (let c = 0; c < headDim; ++c) sum += q[c] * k[c];
    return sum / Math.sqrt(headDim);
  });
  const most = scores.reduce((a, b) => Math.max(a, b));
  const weights = scores.map((s) => Math.exp(s - most));
  const sum = weights.reduce((a, b) => a + b);
  const out = new Float64Array(headDim);
  weights.forEach((w, j) => value(j).forEach((x, c) => (out[c] += (w * x) / sum)));
  return { probabilities: weights.map((w) => w / sum), out };
}

function roundedRow(row, format, pairwise) {
  const { n, headDim, q, key, value } = row;
  const round = (x) => roundTo(format, x);
  const add = (a, b) => round(a + b);
  const scale = round(1 / Math.sqrt(headDim));
  const scaled = Array.from(q, (x) => round(round(x) * scale));
  const scores = Float64Array.from({ length: n }, (_, j) => {
    const k = key(j);
    let sum = 0;
    for (let c = 0; c < headDim; ++c) sum = add(sum, round(scaled[c] * round(k[c])));
    return sum;
  });
  const most = scores.reduce((a, b) => Math.max(a, b));
  const weights = scores.map((s) => round(Math.exp(round(s - most))));
  let [sum, lost] = [0, 0];
  for (const w of weights) {
    const next = add(sum, w);
    lost += next === sum ? 1 : 0;
    sum = next;
  }
  if (pairwise) {
    // In a tree no sum is far larger than what is added to it: only what is 0 already is lost.
    lost = weights.filter((w) => w === 0).length;
    sum = treeSum(0, n, (j) => weights[j], add);
  }
  const out = Float64Array.from({ length: headDim }, (_, c) => {
    const term = (j) => round(weights[j] * round(value(j)[c]));
    if (pairwise) return round(treeSum(0, n, term, add) / sum);
    let total = 0;
    for (let j = 0; j < n; ++j) total = add(total, term(j));
    return round(total / sum);
  });
  return { out, lost };
}

/** A row as whole numbers of at most 127, and their unit. */
function steps(numbers) {
  const unit = numbers.reduce((most, x) => Math.max(most, Math.abs(x)), 0) / 127;
  return { unit, whole: Array.from(numbers, (x) => (unit === 0 ? 0 : Math.round(x / unit))) };
}

function byteRow({ n, headDim, q, key, value }) {
  const query = steps(q);
  const scores = Float64Array.from({ length: n }, (_, j) => {
    const { unit, whole } = steps(key(j));
    return (whole.reduce((sum, x, c) => sum + x * query.whole[c], 0) * unit * query.unit) / Math.sqrt(headDim);
  });
  const most = scores.reduce((a, b) => Math.max(a, b));
  const weights = scores.map((s) => Math.round(127 * Math.exp(s - most)));
  const sum = weights.reduce((a, b) => a + b);
  const out = new Float64Array(headDim);
  weights.forEach((w, j) => {
    if (w === 0) return;
    const { unit, whole } = steps(value(j));
    whole.forEach((x, c) => (out[c] += (w * x * unit) / sum));
  });
  return { out, lost: weights.filter((w) => w === 0).length };
}

function decode(row, way) {
  if (way === "int8") return byteRow(row);
  return roundedRow(row, formats[way.split(" ")[0]], way.endsWith("pairwise"));
}

const norm = (numbers) => Math.sqrt(numbers.reduce((sum, x) => sum + x * x, 0));

/** One row per case and way: { data, n, way, lost, effective, off }; lost and effective as shares of n. */
export async function measure(wanted = cases) {
  const results = [];
  for (const shape of wanted) {
    const inputs = await inputsOf(shape);
    const means = new Map(ways.map((way) => [way, { lost: 0, effective: 0, off: 0 }]));
    const count = shape.queries * shape.heads;
    for (let i = 0; i < count; ++i) {
      const row = doubles(shape, inputs, Math.floor(i / shape.heads), i % shape.heads);
      const exact = exactRow(row);
      for (const [way, mean] of means) {
        const { out, lost } = decode(row, way);
        const bits = way === "int8" ? 8 : formats[way.split(" ")[0]].precision;
        const seen = exact.probabilities.filter((p) => p > 2 ** -(bits + 1)).length;
        mean.lost += lost / shape.n / count;
        mean.effective += seen / shape.n / count;
        mean.off += norm(out.map((x, c) => x - exact.out[c])) / norm(exact.out) / count;
      }
    }
    for (const [way, mean] of means) results.push({ data: shape.data, n: shape.n, way, ...mean });
  }
  return results;
}

export function asMarkdown(results) {
  const percent = (share) => `${(100 * share).toFixed(1)} %`;
  const head = ["keys", "n", "sums in", "lost", "effective", "off"];
  const cells = results.map(({ data, n, way, lost, effective, off }) => [
    ...[data, n, way, percent(lost), percent(effective), off.toExponential(1)],
  ]);
  return [head, head.map(() => "---"), ...cells].map((line) => `| ${line.join(" | ")} |`).join("\n");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) console.log(asMarkdown(await measure()));
