// The inputs of every candidate, made from a seed, so that each process makes the same ones for itself and nothing
// large crosses between processes:
//
//   gaussian    standard normal numbers; neighboring keys have nothing in common
//   clustered   keys in runs of 64, each a quarter of a standard deviation wide around a center: what pages like
//   layer-N     queries, keys and values of a layer of a trained model reading a novel, with its key heads repeated

/** Uniform numbers in [0, 1): the mulberry32 generator. */
export function uniform(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 4294967296;
  };
}

/** Standard normal numbers (Box and Muller, in pairs). */
export function gaussian(count, seed) {
  const random = uniform(seed);
  const numbers = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    const radius = Math.sqrt(-2 * Math.log(1 - random()));
    const angle = 2 * Math.PI * random();
    numbers[i] = radius * Math.cos(angle);
    if (i + 1 < count) numbers[i + 1] = radius * Math.sin(angle);
  }
  return numbers;
}

const runOfKeys = 64;
const widthOfRun = 0.25;

/** Moves each run of keys to a center of its own. */
function cluster(keys, width, seed) {
  const centers = gaussian(Math.ceil(keys.length / width / runOfKeys) * width, seed);
  return keys.map((number, i) => {
    const center = centers[Math.floor(i / width / runOfKeys) * width + (i % width)];
    return Math.sqrt(1 - widthOfRun ** 2) * center + widthOfRun * number;
  });
}

/** q, k and v of a shape, token-major: (n, heads, headDim) each. */
export function attentionInputs({ n, heads, headDim, data = "gaussian", seed = 1 }) {
  const count = n * heads * headDim;
  const [q, k, v] = [0, 1, 2].map((stream) => gaussian(count, seed * 16 + stream));
  return { q, k: data === "clustered" ? cluster(k, heads * headDim, seed * 16 + 3) : k, v };
}

async function readBytes(path) {
  if (typeof document !== "undefined" || typeof WorkerGlobalScope !== "undefined") {
    return new Uint8Array(await (await fetch(`/${path}`)).arrayBuffer());
  }
  const { readFile } = await import("node:fs/promises");
  return new Uint8Array(await readFile(new URL(/* @vite-ignore */ `../../${path}`, import.meta.url)));
}

function widened(half) {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = (half & 1023) / 1024;
  if (exponent === 31) return fraction ? NaN : sign * Infinity;
  return sign * (exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15));
}

const recordedRows = 2048;

/** The first n rows of a recorded layer, (n, heads, headDim) each. */
async function recordedInputs({ data, n, heads, headDim }) {
  const bytes = await readBytes(`web/lab/assets/qkv/${data}.safetensors`);
  const headerSize = Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
  const header = JSON.parse(new TextDecoder().decode(bytes.subarray(8, 8 + headerSize)));
  const read = (name) => {
    const [from, to] = header[name].data_offsets;
    const halves = new Uint16Array(bytes.slice(8 + headerSize + from, 8 + headerSize + to).buffer);
    const [rows, has] = header[name].shape;
    if (rows < n || header[name].shape.at(-1) !== headDim) throw new Error(`${data} has no ${n} rows of ${headDim}`);
    return Float32Array.from({ length: n * heads * headDim }, (_, i) => {
      const row = Math.floor(i / headDim / heads);
      const head = Math.floor((Math.floor(i / headDim) % heads) / (heads / has));
      return widened(halves[(row * has + head) * headDim + (i % headDim)]);
    });
  };
  return { q: read("q"), k: read("k"), v: read("v") };
}

/** Keys and values as long as a cache, and the queries of single tokens: (queries, heads, headDim). */
async function decodeInputs(shape) {
  const { n, heads, headDim, queries, data } = shape;
  const row = heads * headDim;
  if (!data.startsWith("layer-")) {
    const { k, v } = attentionInputs(shape);
    return { q: gaussian(queries * row, (shape.seed ?? 1) * 16 + 7), k, v };
  }
  // The recorded rows over and over; the queries are those of the last of them.
  const recorded = await recordedInputs({ ...shape, n: Math.min(n, recordedRows) });
  const tiled = (numbers) => {
    const result = new Float32Array(n * row);
    for (let i = 0; i < result.length; i += numbers.length) result.set(numbers.subarray(0, result.length - i), i);
    return result;
  };
  return { q: recorded.q.slice(-queries * row), k: tiled(recorded.k), v: tiled(recorded.v) };
}

/** The inputs of a shape, whatever its data. */
export async function inputsOf(shape) {
  if (shape.queries !== undefined) return decodeInputs(shape);
  return shape.data?.startsWith("layer-") ? recordedInputs(shape) : attentionInputs(shape);
}

/** (outer, inner, width) to (inner, outer, width): token-major to head-major and back. */
export function exchangeAxes(numbers, outer, inner, width) {
  const result = new Float32Array(numbers.length);
  for (let i = 0; i < outer; ++i) {
    for (let j = 0; j < inner; ++j) {
      const from = (i * inner + j) * width;
      result.set(numbers.subarray(from, from + width), (j * outer + i) * width);
    }
  }
  return result;
}
