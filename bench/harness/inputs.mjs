// The inputs of every candidate: standard normal numbers from a seed, so that each process makes the same ones for
// itself and nothing large crosses between processes.

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

/** q, k and v of a shape, token-major: (n, heads, headDim) each. */
export function attentionInputs({ n, heads, headDim, seed = 1 }) {
  const count = n * heads * headDim;
  const [q, k, v] = [0, 1, 2].map((stream) => gaussian(count, seed * 16 + stream));
  return { q, k, v };
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
