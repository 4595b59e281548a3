// Writes the golden cases: formulas in plain JavaScript doubles, sharing no code with cpp/ or web/.
//
//   node tests/golden/make_golden.mjs
//
// Each file holds cases: a line "name rows columns", then rows x columns numbers with nine significant digits. Inputs are
// floats, and nine digits name a float exactly, so that readers start from the same numbers.
import { writeFileSync } from "node:fs";

const number = (x) => (Number.isInteger(x) ? String(x) : Number.isFinite(x) ? x.toPrecision(9) : x > 0 ? "inf" : "-inf");

function write(file, remark, cases) {
  const lines = [`# ${remark}`, "# Written by make_golden.mjs: change that, not this."];
  for (const [name, columns, values] of cases) {
    lines.push(`${name} ${values.length / columns} ${columns}`);
    for (let i = 0; i < values.length; i += columns) lines.push(values.slice(i, i + columns).map(number).join(" "));
  }
  writeFileSync(new URL(file, import.meta.url), `${lines.join("\n")}\n`);
}

// A small linear congruential generator (the constants of Numerical Recipes): floats in [-1, 1).
function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return Math.fround((state >>> 8) / 2 ** 23 - 1);
  };
}

const softmax = (scores) => {
  const highest = Math.max(...scores);
  const terms = scores.map((s) => Math.exp(s - highest));
  const sum = terms.reduce((a, b) => a + b, 0);
  return { p: terms.map((t) => t / sum), lse: scores.length === 0 ? -Infinity : highest + Math.log(sum) };
};

// --- attention.txt

function attention({ queries, keys, heads, kvHeads, d, dv, causal, scale }, q, k, v) {
  const out = [];
  const lse = [];
  for (let i = 0; i < queries; ++i) {
    for (let h = 0; h < heads; ++h) {
      const g = Math.floor(h / (heads / kvHeads));
      const visible = causal ? Math.max(0, keys - queries + i + 1) : keys;
      const scores = Array.from({ length: visible }, (_, j) => {
        let dot = 0;
        for (let c = 0; c < d; ++c) dot += q[(i * heads + h) * d + c] * k[(j * kvHeads + g) * d + c];
        return scale * dot;
      });
      const row = softmax(scores);
      for (let c = 0; c < dv; ++c) {
        out.push(row.p.reduce((sum, p, j) => sum + p * v[(j * kvHeads + g) * dv + c], 0));
      }
      lse.push(row.lse);
    }
  }
  return { out, lse };
}

const shapes = {
  plain: { queries: 5, keys: 7, heads: 1, kvHeads: 1, d: 3, dv: 4, causal: false, scale: 0.5 },
  causal: { queries: 6, keys: 4, heads: 1, kvHeads: 1, d: 4, dv: 4, causal: true, scale: 2 },
  grouped: { queries: 3, keys: 5, heads: 4, kvHeads: 2, d: 5, dv: 2, causal: true, scale: 1 },
};
const attentionCases = [];
const addAttention = (name, shape, q, k, v) => {
  const { queries, keys, heads, kvHeads, d, dv, causal, scale } = shape;
  const { out, lse } = attention(shape, q, k, v);
  attentionCases.push(
    [`${name}.shape`, 8, [queries, keys, heads, kvHeads, d, dv, causal ? 1 : 0, scale]],
    [`${name}.q`, d, q],
    [`${name}.k`, d, k],
    [`${name}.v`, dv, v],
    [`${name}.out`, dv, out],
    [`${name}.lse`, 1, lse],
  );
};
for (const [index, [name, shape]] of Object.entries(shapes).entries()) {
  const next = uniform(index + 1);
  const fill = (count) => Array.from({ length: count }, () => Math.fround(3 * next()));
  const { queries, keys, heads, kvHeads, d, dv } = shape;
  addAttention(name, shape, fill(queries * heads * d), fill(keys * kvHeads * d), fill(keys * kvHeads * dv));
}
const unit = Array.from({ length: 16 }, (_, i) => (i % 5 === 0 ? 1 : 0));
const tinyShape = { queries: 1, keys: 4, heads: 1, kvHeads: 1, d: 1, dv: 4, causal: false, scale: 1 };
addAttention("tiny", tinyShape, [1], [2, 1, 0, -1], unit);
write(
  "attention.txt",
  "softmax(scale Q K^T) V, token-major. shape: queries keys heads kvHeads headDim valueDim causal scale",
  attentionCases,
);

// --- tiny.txt: scores 2, 1, 0, -1, of which two are kept

const scores = [2, 1, 0, -1];
const { p } = softmax(scores);
const tau = p[2] + p[3];
const spar = [p[0] / (1 - tau), p[1] / (1 - tau), 0, 0];
const difference = spar.map((x, j) => x - p[j]);
write("tiny.txt", "One row, scores 2 1 0 -1, k = 2: probabilities, estimators and error measures", [
  ["scores", 4, scores],
  ["p", 4, p],
  ["tau", 1, [tau]],
  ["renormalized", 4, spar],
  ["raw", 4, [p[0], p[1], 0, 0]],
  ["compensated", 4, [p[0], p[1], tau / 2, tau / 2]],
  // A line through two dropped points meets both: the whole row is exact.
  ["linear", 4, p],
  ["l1", 1, [difference.reduce((sum, x) => sum + Math.abs(x), 0)]],
  ["l2", 1, [Math.hypot(...difference)]],
  ["lInfinity", 1, [Math.max(...difference.map(Math.abs))]],
  ["entropy", 1, [-p.reduce((sum, x) => sum + x * Math.log(x), 0)]],
  // From two scores, and from the kept ones and the highest dropped one.
  ["singleGap", 1, [1 / (1 + (2 / 2) * Math.exp(scores[1] - scores[2]))]],
  ["headAware", 1, [(2 * Math.exp(0)) / (Math.exp(2) + Math.exp(1) + 2 * Math.exp(0))]],
]);

// --- theory.txt

// The normal distribution function by the Taylor series of its integral around 0 (|x| <= 3) and by the continued fraction
// of its tail.
function normalCdf(x) {
  const density = Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
  if (Math.abs(x) <= 3) {
    let term = x;
    let sum = x;
    for (let n = 1; n < 200; ++n) {
      term *= (x * x) / (2 * n + 1);
      sum += term;
    }
    return 0.5 + density * sum;
  }
  let fraction = 0;
  for (let n = 200; n >= 1; --n) fraction = n / (Math.abs(x) + fraction);
  const tail = density / (Math.abs(x) + fraction);
  return x < 0 ? tail : 1 - tail;
}

const share = (n, epsilon, sigma) => normalCdf((Math.log(epsilon * n) + (sigma * sigma) / 2) / sigma);
const shares = [];
for (const n of [128, 512, 1024, 4096, 16384]) {
  for (const epsilon of [1e-2, 1e-3, 1e-4]) for (const sigma of [0.5, 1, 2]) shares.push(n, epsilon, sigma, share(n, epsilon, sigma));
}

// k = clamp(ceil(alpha n^C - 1e-9), max(1, min), min(n, max)), max 0 for none.
const windows = [];
for (const [alpha, exponent, min, max] of [[1, 0.5, 1, 0], [0.71, 0.5, 1, 0], [3, 0.25, 8, 0], [0.05, 1, 1, 100], [64, 0, 1, 0], [1, 0.001, 1, 0]]) {
  for (const n of [1, 2, 10, 100, 256, 1000, 4096, 32768]) {
    const most = max === 0 ? n : Math.min(n, max);
    const wanted = Math.ceil(alpha * n ** exponent - 1e-9);
    windows.push(n, alpha, exponent, min, max, Math.min(Math.max(wanted, Math.min(Math.max(1, min), most)), most));
  }
}
write("theory.txt", "normal: x, Phi(x). share: n, epsilon, sigma, |S_eps|/n. window: n, alpha, C, min, max, k", [
  ["normal", 2, [-8, -5, -3.5, -3, -2, -1, -0.1, 0, 0.3, 1, 2.5, 3, 4].flatMap((x) => [x, normalCdf(x)])],
  ["share", 4, shares],
  ["window", 6, windows],
]);

// --- random.txt: the counter-based generator for seed 42, stream 7

const mask = (1n << 64n) - 1n;
const mix = (x) => {
  x = ((x ^ (x >> 30n)) * 0xbf58476d1ce4e5b9n) & mask;
  x = ((x ^ (x >> 27n)) * 0x94d049bb133111ebn) & mask;
  return x ^ (x >> 31n);
};
const key = mix((42n + 0x9e3779b97f4a7c15n * 8n) & mask);
const bits = (counter) => mix(mix((BigInt(counter) * 0xd1b54a32d192ed03n + key) & mask) ^ key);
const random = (counter) => (Number(bits(counter) >> 11n) + 0.5) * 2 ** -53;
const normals = Array.from({ length: 40 }, (_, i) => {
  const pair = i >> 1;
  const radius = Math.sqrt(-2 * Math.log(random(2 * pair)));
  const angle = 2 * Math.PI * random(2 * pair + 1);
  return radius * (i % 2 === 0 ? Math.cos(angle) : Math.sin(angle));
});
write("random.txt", "seed 42, stream 7. bits: high and low 32 bits of number i. normals: the normal numbers 0 ..", [
  ["bits", 2, Array.from({ length: 16 }, (_, i) => [Number(bits(i) >> 32n), Number(bits(i) & 0xffffffffn)]).flat()],
  ["normals", 1, normals],
]);
