// One new token's attention as one writes it without a library: plain JavaScript loops over arrays of keys and values,
// sums in double. With `k` only the k largest scores are kept, by a heap of them, and their weights add up to one.

import { largest } from "./plain_top_k.mjs";

export async function open() {
  let shape;
  let keys;
  let values;
  let queries;
  let weights;
  let out;
  let next = 0;

  /** The output of a query; the kept keys of every head go into `keptOf` where it is given. */
  function attend(query, keptOf) {
    const { n, heads, headDim, k } = shape;
    const scale = 1 / Math.sqrt(headDim);
    out.fill(0);
    for (let head = 0; head < heads; ++head) {
      const [row, column] = [head * n * headDim, head * headDim];
      let most = -Infinity;
      for (let j = 0; j < n; ++j) {
        const key = row + j * headDim;
        let score = 0;
        for (let c = 0; c < headDim; ++c) score += query[column + c] * keys[key + c];
        weights[j] = score * scale;
        if (weights[j] > most) most = weights[j];
      }
      const kept = k === undefined ? undefined : largest(weights, n, k);
      keptOf?.push(kept);
      const count = kept?.length ?? n;
      let total = 0;
      for (let i = 0; i < count; ++i) total += Math.exp(weights[kept ? kept[i] : i] - most);
      for (let i = 0; i < count; ++i) {
        const j = kept ? kept[i] : i;
        const weight = Math.exp(weights[j] - most) / total;
        const value = row + j * headDim;
        for (let c = 0; c < headDim; ++c) out[column + c] += weight * values[value + c];
      }
    }
    return out;
  }

  return {
    info: { variant: "scalar", threads: 1 },
    layout: "head-major",
    prepare(wanted, { q, k, v }) {
      shape = wanted;
      const { n, heads, headDim } = shape;
      [keys, values] = [k, v];
      weights = new Float64Array(n);
      out = new Float32Array(heads * headDim);
      // (heads, queries, headDim) came; a token's query is (heads, headDim).
      queries = Array.from({ length: shape.queries }, (_, i) => {
        const one = new Float32Array(heads * headDim);
        for (let head = 0; head < heads; ++head) {
          const from = (head * shape.queries + i) * headDim;
          one.set(q.subarray(from, from + headDim), head * headDim);
        }
        return one;
      });
    },
    select: (i) => (next = i),
    call() {
      const query = queries[next];
      next = (next + 1) % queries.length;
      return attend(query);
    },
    read: (answer) => answer.slice(),
    explain(i, answer) {
      const kept = [];
      const explained = attend(queries[i], kept).slice();
      if (explained.some((number, c) => !Object.is(number, answer[c]))) throw new Error("two calls differ");
      const { k } = shape;
      return {
        out: explained,
        indices: Uint32Array.from(kept.flat()),
        offsets: Uint32Array.from({ length: kept.length + 1 }, (_, head) => head * k),
      };
    },
    work: () => ({ bytes: shape.k === undefined ? 8 * shape.n * shape.heads * shape.headDim : undefined }),
    close: () => undefined,
  };
}
