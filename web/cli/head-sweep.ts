/**
 * `heed sweep E10`: R and its relatives of every head of a model, beside the entries that its rows really need.
 *
 *   q_i = W_Q x_i, k_j = W_K x_j, rotated to their positions; causal rows of softmax(q k^T / sqrt(d))
 *
 * x are the activations that attention receives, or without a file of them independent N(0, 1) numbers, to which the
 * gain of the norm is applied. `keep` is the fewest entries that drop at most `mass`, `share` what that is of the keys
 * that a row sees, both means over sampled rows.
 */
import { create, type GainRow, type Heed, type Progress, type Radius } from "heed/sync";

import { CommandError, UsageError } from "./command.js";
import { headWeights, inputsOf, openModel, type Config, type Model } from "./model-heads.js";

/** One row of E10: one head. */
export interface HeadRow {
  layer: number;
  head: number;
  n: number;
  /** R, R_rms, R_rms with rotary positions, H, tr W, tr W², stable rank: as `heed radius` prints them. */
  radius: number;
  rmsRadius: number;
  ropeRadius: number;
  horizon: number;
  trace: number;
  traceSquare: number;
  stableRank: number;
  /** Measured standard deviation of the scores of different tokens, positions included. */
  sigma: number;
  mass: number;
  keep: number;
  share: number;
  target: number;
  /** Fewest entries with an l2 error of at most `target`. */
  keepL2: number;
}

const names = ["file", "config", "activations", "n", "mass", "target", "rows", "seed"];

/** Names of its parameters that are paths. */
type Parameters = Readonly<Record<string, number | number[] | string | boolean>>;

function read(parameters: Parameters) {
  for (const name of Object.keys(parameters)) {
    if (!names.includes(name)) throw new UsageError(`E10 has no parameter ${name}; ${names.join(", ")} are its own`);
  }
  const path = (name: string) => {
    const value = parameters[name];
    if (value === undefined || typeof value === "string") return value;
    throw new UsageError(`--set ${name}=${String(value)} is no path`);
  };
  const number = (name: string, usual: number, legal: (value: number) => boolean, what: string) => {
    const value = parameters[name] ?? usual;
    if (typeof value === "number" && legal(value)) return value;
    throw new UsageError(`--set ${name}=${String(value)}; ${what} is needed`);
  };
  const whole = (least: number, most: number) => (value: number) =>
    Number.isInteger(value) && value >= least && value <= most;
  const share = (value: number) => value > 0 && value < 1;
  const file = path("file");
  if (file === undefined) throw new UsageError("E10 needs a model: --set file=PATH, as heed radius takes it");
  return {
    ...{ file, config: path("config"), activations: path("activations") },
    n: number("n", 1024, whole(2, 2 ** 16), "an integer from 2 to 65536"),
    mass: number("mass", 0.1, share, "a number between 0 and 1"),
    target: number("target", 0.1, share, "a number between 0 and 1"),
    rows: number("rows", 256, whole(1, 65536), "an integer from 1 to 65536"),
    seed: number("seed", 0, whole(0, Number.MAX_SAFE_INTEGER), "an integer of at least 0"),
  };
}
type Settings = ReturnType<typeof read>;

/** Uniform numbers in (0, 1) by number (SplitMix64's cousin in 32 bits: two rounds of a finalizer). */
function uniform(seed: number, number: number): number {
  let x = Math.imul(number ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(seed + 1, 0xc2b2ae35);
  for (const factor of [0x7feb352d, 0x846ca68b]) x = Math.imul(x ^ (x >>> 16) ^ (x >>> 13), factor);
  return ((x ^ (x >>> 16)) >>> 0) / 2 ** 32 + 2 ** -33;
}

/** (tokens, width) independent N(0, 1). */
function gaussian(tokens: number, width: number, seed: number): Float32Array {
  return Float32Array.from({ length: tokens * width }, (_, i) => {
    const [u, v] = [uniform(seed, 2 * i), uniform(seed, 2 * i + 1)];
    return Math.sqrt(-2 * Math.log(u)) * Math.cos(2 * Math.PI * v);
  });
}

/** (n, d) of inputs (n, width) and weights (d, width), summed in double. */
function project(inputs: Float32Array, weights: Float32Array, n: number, { width, headDim }: Config): Float32Array {
  const out = new Float32Array(n * headDim);
  for (let i = 0; i < n; ++i) {
    for (let c = 0; c < headDim; ++c) {
      let sum = 0;
      for (let w = 0; w < width; ++w) sum += (inputs[i * width + w] as number) * (weights[c * width + w] as number);
      out[i * headDim + c] = sum;
    }
  }
  return out;
}

/** Rotates row i to position i: column c and c + d / 2 by i base^(-2 c / d), the convention of Llama's checkpoints. */
function rotate(rows: Float32Array, { headDim, base }: Config): Float32Array {
  const half = headDim / 2;
  for (let i = 0; i * headDim < rows.length; ++i) {
    for (let c = 0; c < half; ++c) {
      const angle = i * base ** (-c / half);
      const [a, b] = [i * headDim + c, i * headDim + c + half];
      const [x, y] = [rows[a] as number, rows[b] as number];
      rows[a] = x * Math.cos(angle) - y * Math.sin(angle);
      rows[b] = x * Math.sin(angle) + y * Math.cos(angle);
    }
  }
  return rows;
}

function rowOf(
  place: { layer: number; head: number; n: number },
  radius: Radius,
  measured: GainRow,
  d: number,
): HeadRow {
  // A causal row sees (n + 1) / 2 keys in the mean, which is what `share` divides by.
  return {
    ...place,
    radius: radius.radius,
    rmsRadius: radius.rmsRadius,
    ropeRadius: (radius.meanSquare * radius.ropeNorm) / Math.sqrt(d),
    horizon: radius.horizon,
    trace: radius.trace,
    traceSquare: radius.squareTrace,
    stableRank: radius.stableRank,
    sigma: measured.sigma,
    mass: measured.mass,
    keep: measured.keep,
    share: measured.share,
    target: measured.target,
    keepL2: measured.keepL2,
  };
}

async function* layerRows(heed: Heed, model: Model, layer: number, settings: Settings): AsyncGenerator<HeadRow> {
  const { config } = model;
  const { gain, inputs } = await inputsOf(model, layer);
  const { headDim: d, width, base, length } = config;
  const n = settings.n;
  if (inputs && inputs.length < n * width) {
    throw new CommandError(`the activations have ${inputs.length / width} tokens; n is ${n}`);
  }
  // With the gain folded into the weights, made-up inputs need none.
  const tokens = inputs?.subarray(0, n * width) ?? gaussian(n, width, settings.seed + layer);
  for (let head = 0; head < config.heads; ++head) {
    const weights = await headWeights(model, layer, head, gain);
    const radius = heed.theory.radius({ ...weights, headDim: d, rope: { base, length }, inputs: tokens });
    const [q, k] = [weights.queryWeights, weights.keyWeights].map((each) =>
      rotate(project(tokens, each, n, config), config),
    ) as [Float32Array, Float32Array];
    const { mass, target, rows } = settings;
    const parameters = { q, k, d, n: [n], gain: [1], mass, target, rows, causal: true };
    for (const measured of heed.simulate("E7", parameters)) yield rowOf({ layer, head, n }, radius, measured, d);
  }
}

/** The rows of E10, and how many heads are done of how many. @throws {UsageError} @throws {CommandError} */
export async function* headSweep(
  parameters: Parameters,
  { onProgress, threads }: { onProgress(progress: Progress): void; threads?: number },
): AsyncGenerator<HeadRow> {
  const settings = read(parameters);
  const { model, layers } = await openModel(settings.file, settings);
  const heed = await create({ studies: true, ...(threads === undefined ? {} : { threads }) });
  try {
    let loaded = 0;
    for (const layer of layers) {
      for await (const row of layerRows(heed, model, layer, settings)) {
        onProgress({ phase: "run", loaded: ++loaded, total: layers.length * model.config.heads });
        yield row;
      }
    }
  } finally {
    heed.dispose();
  }
}
