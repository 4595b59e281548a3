// How much work an operation is, by its definition: flops, and the bytes that have to be moved at the least. What a
// candidate computes and throws away is its own loss, and what it moves twice too. Exponentials are not counted.

const bytesOf = { f32: 4, f16: 2, int8: 1 };

/** (query, key) pairs that see each other, per head. */
const pairsOf = ({ n, causal }) => (causal ? (n * (n + 1)) / 2 : n * n);

/** The same for the k best keys of every query; causal, the first k queries see fewer than k. */
function keptPairsOf({ n, causal, k }) {
  const most = Math.min(k, n);
  return causal ? (most * (most + 1)) / 2 + (n - most) * most : n * most;
}

/**
 * Flops of exact attention: two products of 2 headDim flops for every (query, key) that see each other.
 */
export function attentionFlops({ heads, headDim, ...shape }) {
  return 4 * headDim * heads * pairsOf(shape);
}

/**
 * { flops, bytes } of a shape with its task. `attend` and `top-k` read q, k and v and write the output, once each.
 * `decode` reads the cache of one token; with `k`, all keys and k values. Top-k is counted as a plain scan: every
 * score, and k values.
 */
export function workOf(shape) {
  const { task, n, heads, headDim, k, dtype = "f32" } = shape;
  if (task === "attend") return { flops: attentionFlops(shape), bytes: 16 * n * heads * headDim };
  if (task === "top-k") {
    const flops = 2 * headDim * heads * (pairsOf(shape) + keptPairsOf(shape));
    return { flops, bytes: 16 * n * heads * headDim };
  }
  const values = Math.min(k ?? n, n);
  return {
    flops: 2 * headDim * heads * (n + values),
    bytes: heads * headDim * (bytesOf[dtype] * (n + values) + 8),
  };
}
