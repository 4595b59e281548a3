/**
 * Target "api-arguments": every function of the API with arguments of every kind. A call gives a result of the shape
 * that its options say, or is refused by an error of ours; it changes none of its inputs, and leaves nothing behind.
 */
import { create } from "heed/sync";

import { attendedLength } from "./attended.js";
import type { Bytes } from "./bytes.js";
import { fuzz } from "./driver.js";
import { expect, expectRefusal, sameNumbers } from "./refusals.js";
import { numbers, oddValue, spoiled } from "./values.js";

/** The API with arguments of any type. */
type AnyFunction = (...args: unknown[]) => unknown;
type AnyObject = Record<string, AnyFunction>;

const heed = await create({ threads: 1, studies: true, maximumMemory: 2 ** 28 });
const api = heed as unknown as AnyObject;
const theory = heed.theory as unknown as AnyObject;

const scoreNames = ["heads", "kvHeads", "headDim", "batch", "causal", "scale", "layout", "dtype", "validate"];
const callNames = ["signal", "onProgress", "transfer"];
const ruleNames = ["window", "sinks", "softcap", "mask"];
const attendNames = [...scoreNames, ...callNames, ...ruleNames, "valueDim", "out", "lse", "accumulate"];
const topKNames = [
  ...attendNames,
  ...["keep", "estimator", "denominator", "search", "searchTau", "tail", "seed", "indices", "certificates"],
];
const scoresNames = [...scoreNames, ...callNames, ...ruleNames, "head", "entry"];
const indexNames = ["kvHeads", "headDim", "batch", "layout", "dtype", "validate", "search", "seed", ...callNames];
const cacheNames = ["layers", "kvHeads", "headDim", "valueDim", "capacity", "dtype"];
const decodeNames = [
  ...callNames,
  ...ruleNames,
  "layer",
  "dtype",
  "validate",
  "heads",
  "scale",
  "out",
  "lse",
  "monitor",
  "accumulate",
  "recordAttention",
];
const cacheTopKNames = [
  ...decodeNames,
  "keep",
  "estimator",
  "search",
  "searchTau",
  "tail",
  "seed",
  "recall",
  "indices",
  "certificates",
];

interface Shape {
  [name: string]: unknown;
  heads: number;
  kvHeads: number;
  headDim: number;
}

function drawShape(bytes: Bytes): { shape: Shape; queries: number; keys: number } {
  const kvHeads = 1 + bytes.below(2);
  const shape: Shape = { heads: kvHeads * (1 + bytes.below(2)), kvHeads, headDim: bytes.pick([1, 3, 4, 8]) };
  if (bytes.below(3) === 0) shape["causal"] = true;
  if (bytes.below(6) === 0) shape["layout"] = "head-major";
  return { shape, queries: 1 + bytes.below(9), keys: 1 + bytes.below(70) };
}

function drawTensors(bytes: Bytes) {
  const { shape, queries, keys } = drawShape(bytes);
  const { heads, kvHeads, headDim } = shape;
  const tensors = [queries * heads * headDim, keys * kvHeads * headDim, keys * kvHeads * headDim].map((length) =>
    bytes.below(60) === 0 ? oddValue(bytes) : numbers(bytes, length),
  );
  return { shape, tensors };
}

function drawKeep(bytes: Bytes, heads: number): unknown {
  const one = () =>
    spoiled(
      bytes,
      bytes.pick([{ k: 1 + bytes.below(80) }, { alpha: 1, exponent: 0.5 }, { mass: 0.9 }, { threshold: 0.01 }]),
      bytes.below(4) === 0 ? ["k", "alpha", "exponent", "mass", "threshold", "min", "max"] : ["min", "max"],
    );
  return bytes.below(6) === 0 ? Array.from({ length: heads }, one) : one();
}

/** What disposes of a result that holds memory. */
function dispose(value: unknown): void {
  if (typeof value !== "object" || value === null) return;
  for (const one of [value, ...Object.values(value)]) {
    const { dispose } = Object(one) as { dispose?: unknown };
    if (typeof dispose === "function") dispose.call(one);
  }
}

const copyOf = (value: unknown) => (value instanceof Float32Array && value.byteLength > 0 ? value.slice() : undefined);

function expectOutput(result: unknown, expected: number): void {
  const out = (result as { out?: unknown }).out ?? result;
  expect(out instanceof Float32Array, "the output is no Float32Array");
  expect(out.length === expected, `the output has ${out.length} numbers, not ${expected}`);
}

function attend(bytes: Bytes): unknown {
  const { shape, tensors } = drawTensors(bytes);
  const sparse = bytes.flag();
  const keep = sparse ? { keep: drawKeep(bytes, shape.heads) } : {};
  const options = spoiled(bytes, { ...shape, ...keep }, sparse ? topKNames : attendNames);
  const before = tensors.map(copyOf);
  const result = (sparse ? api["attendTopK"]! : api["attend"]!).call(heed, ...tensors, options);
  tensors.forEach((tensor, i) => {
    const copy = before[i];
    if (copy !== undefined) expect(sameNumbers(tensor as Float32Array, copy), `input ${i} was changed`);
  });
  const [q, k, v] = tensors.map((tensor) => (tensor as Float32Array).length) as [number, number, number];
  expectOutput(result, attendedLength(options as Record<string, number>, { q, k, v }));
  return result;
}

function look(bytes: Bytes): unknown {
  const { shape, tensors } = drawTensors(bytes);
  return api[bytes.pick(["scores", "weights"])]!.call(heed, tensors[0], tensors[1], spoiled(bytes, shape, scoresNames));
}

function index(bytes: Bytes): unknown {
  const { shape, tensors } = drawTensors(bytes);
  const { kvHeads, headDim, heads } = shape;
  const search = bytes.pick(["pages", "int8", "lsh"]);
  const made = api["index"]!.call(heed, tensors[1], spoiled(bytes, { kvHeads, headDim, search }, indexNames));
  try {
    const options = spoiled(bytes, { ...shape, keep: drawKeep(bytes, heads), estimator: "renormalized" }, topKNames);
    dispose(api["attendTopK"]!.call(heed, tensors[0], made, tensors[2], options));
  } finally {
    dispose(made);
  }
  return undefined;
}

function useCache(bytes: Bytes, cache: AnyObject, { heads, kvHeads, headDim }: Shape): void {
  const tokens = () => numbers(bytes, bytes.below(40) * kvHeads * headDim);
  const queries = () => numbers(bytes, (1 + bytes.below(4)) * heads * headDim);
  for (let steps = 1 + bytes.below(6); steps > 0; --steps) {
    const length = cache["length"]!.call(cache) as number;
    const bytesBefore = cache["bytes"]!.call(cache) as number;
    const [call, ...args]: [string, ...unknown[]] = bytes.pick<() => [string, ...unknown[]]>([
      () => ["append", tokens(), tokens(), spoiled(bytes, {}, ["layer", "dtype", "validate", ...callNames])],
      () => {
        const array = tokens();
        return ["append", array, array.slice()];
      },
      () => ["attend", queries(), spoiled(bytes, { heads }, decodeNames)],
      () => ["attendTopK", queries(), spoiled(bytes, { heads, keep: drawKeep(bytes, heads) }, cacheTopKNames)],
      () => ["monitor", queries(), spoiled(bytes, { heads }, [...decodeNames, "epsilon", "mass", "first"])],
      () => ["evict", queries(), spoiled(bytes, { heads, policy: drawPolicy(bytes) }, [...decodeNames, "policy"])],
      () => ["rewind", bytes.flag() ? bytes.below(40) : oddValue(bytes)],
      () => ["fork"],
      () => ["restore", bytes.flag() ? (cache["save"]!.call(cache) as Uint8Array) : oddValue(bytes)],
      () => [bytes.flag() ? "length" : "recordedAttention", oddValue(bytes)],
      () => ["clear"],
    ])();
    try {
      dispose(cache[call]!.call(cache, ...args));
    } catch (error) {
      expectRefusal(error);
      expect(cache["length"]!.call(cache) === length, `a refused ${call} changed the length`);
      // What a search keeps may have been made before the call was refused; tokens may not.
      expect((cache["bytes"]!.call(cache) as number) >= bytesBefore, `a refused ${call} lost pages`);
    }
  }
}

function drawPolicy(bytes: Bytes): unknown {
  const policy = bytes.pick([{ recent: 4 }, { keep: 6 }, { loss: 0.1 }]);
  return spoiled(bytes, policy, ["recent", "keep", "loss", "sinks", "width", "heavy"]);
}

function cache(bytes: Bytes): unknown {
  const { shape } = drawShape(bytes);
  const dtype = bytes.pick(["f32", "f16", "int8"]);
  const options = { kvHeads: shape.kvHeads, headDim: shape.headDim, capacity: 100, dtype };
  const made = api["cache"]!.call(heed, spoiled(bytes, options, cacheNames)) as AnyObject;
  try {
    useCache(bytes, made, shape);
  } finally {
    dispose(made);
  }
  return undefined;
}

const formulas: readonly [string, Record<string, unknown>][] = [
  ["windowLaw", { n: 100, alpha: 1, exponent: 0.5 }],
  ["ineffectiveShare", { n: 100, epsilon: 0.01, sigma: 1 }],
  ["effectiveEntries", { n: 100, epsilon: 0.01, sigma: 1 }],
  ["gaussianTopK", { n: 100, k: 5, sigma: 1 }],
  ["keepForMass", { n: 100, sigma: 1, mass: 0.9 }],
  ["logitBound", { n: 100, delta: 0.1, radius: 3, rigorousRadius: 4, stableRank: 2 }],
  ["regime", { n: 100, sigma: 1, selfScore: 2 }],
  ["sufficiency", { n: 100, exponent: 0.5, spread: 2 }],
  ["necessity", { n: 100, k: 3, spread: 2 }],
  ["alignCost", { lengths: [10, 100], k: 5, exponent: 0.5, cost: "decode", min: 1, max: 9 }],
  ["equalCost", { lengths: [10, 100], sigma: [1, 2], k: 5, exponent: 0.5, cost: "prefill" }],
  ["policies", { n: 100, k: 5, sigma: [1, 2] }],
  ["calibrate", { lengths: [10, 20, 40], entries: [3, 4, 6], method: "fit", holdOut: 1, mass: 0.9, sigma: 1 }],
  ["certificates", { scores: [3, 2, 1, 0], k: 2 }],
  ["singleGap", { n: 100, k: 3, gap: 1 }],
  ["headAware", { n: 100, k: 3, logKept: 1, next: 0 }],
  ["logitError", { error: 0.1 }],
];

function formula(bytes: Bytes): unknown {
  if (bytes.below(4) === 0) {
    const headDim = bytes.pick([2, 4]);
    const parameters = {
      ...{ headDim, queryWeights: numbers(bytes, 5 * headDim), keyWeights: numbers(bytes, 5 * headDim) },
      ...(bytes.flag() ? { inputs: numbers(bytes, 15) } : {}),
      ...(bytes.flag() ? { rope: spoiled(bytes, { base: 1e4, length: 20 }, ["base", "length", "pairs"]) } : {}),
    };
    const names = ["queryWeights", "keyWeights", "headDim", "dtype", "scale", "inputs", "bound", "meanSquare", "rope"];
    return theory[bytes.pick(["radius", "ropeAveragedNorm"])]!(spoiled(bytes, parameters, names));
  }
  const [name, parameters] = bytes.pick(formulas);
  return theory[name]!(spoiled(bytes, parameters, Object.keys(parameters)));
}

/** Rows of legal parameters may take minutes; that the arguments are looked at, or one row of the smallest, does not. */
function simulate(bytes: Bytes): unknown {
  const id = bytes.below(12) === 0 ? oddValue(bytes) : `E${1 + bytes.below(23)}`;
  const names = [
    "n",
    "d",
    "epsilon",
    "weights",
    "rank",
    "rows",
    "seed",
    "input",
    "strength",
    "sigma",
    "causal",
    "keep",
  ];
  const parameters = spoiled(bytes, bytes.flag() ? { n: [8, 16], d: 4, epsilon: [0.1], rows: 3 } : {}, names);
  const rows = api["simulate"]!.call(heed, id, parameters) as Generator;
  if (id !== "E1" || !isSmall(parameters)) return undefined;
  return rows.next().value;
}

function isSmall(parameters: unknown): boolean {
  const { n, d = 64, rows = 256 } = Object(parameters) as { n: number[]; d?: number; rows?: number };
  return n.every((length) => length <= 64) && d <= 64 && rows <= 256;
}

function other(bytes: Bytes): unknown {
  if (bytes.flag()) return api["tensor"]!.call(heed, bytes.flag() ? oddValue(bytes) : numbers(bytes, bytes.below(50)));
  const k = bytes.flag() ? bytes.below(60) : oddValue(bytes);
  return api["selectTopK"]!.call(heed, bytes.below(4) === 0 ? oddValue(bytes) : numbers(bytes, bytes.below(50)), k);
}

const calls = [attend, attend, attend, look, index, cache, cache, formula, formula, simulate, other];

const q = Float32Array.from({ length: 24 }, (_, i) => Math.sin(i));
const check = () => heed.attend(q, q, q, { heads: 2, headDim: 4 });
const [right, before] = [check(), heed.memory().liveBytes];

await fuzz({
  maxLength: 512,
  run(bytes) {
    try {
      dispose(bytes.pick(calls)(bytes));
    } catch (error) {
      // A signal that is aborted already gives its own reason.
      if (error !== "no") expectRefusal(error);
    }
    expect(heed.memory().liveBytes === before, `${heed.memory().liveBytes - before} bytes are left behind`);
    expect(sameNumbers(check(), right), "the instance does not work any more");
  },
});
