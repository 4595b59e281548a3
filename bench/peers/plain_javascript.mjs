// Attention as one writes it without a library: plain JavaScript loops, one row of scores at a time, sums in double.

export async function open() {
  let shape;
  let operands;
  return {
    info: { variant: "scalar", threads: 1 },
    layout: "head-major",
    prepare(wanted, inputs) {
      shape = wanted;
      operands = inputs;
    },
    call() {
      const { n, heads, headDim, causal } = shape;
      const { q, k, v } = operands;
      const out = new Float32Array(n * heads * headDim);
      const weights = new Float32Array(n);
      const scale = 1 / Math.sqrt(headDim);
      for (let head = 0; head < heads; ++head) {
        for (let i = 0; i < n; ++i) {
          const visible = causal ? i + 1 : n;
          const query = (head * n + i) * headDim;
          let largest = -Infinity;
          for (let j = 0; j < visible; ++j) {
            const key = (head * n + j) * headDim;
            let score = 0;
            for (let c = 0; c < headDim; ++c) score += q[query + c] * k[key + c];
            weights[j] = score * scale;
            if (weights[j] > largest) largest = weights[j];
          }
          let total = 0;
          for (let j = 0; j < visible; ++j) {
            weights[j] = Math.exp(weights[j] - largest);
            total += weights[j];
          }
          for (let j = 0; j < visible; ++j) {
            const value = (head * n + j) * headDim;
            const weight = weights[j] / total;
            for (let c = 0; c < headDim; ++c) out[query + c] += weight * v[value + c];
          }
        }
      }
      return out;
    },
    close: () => undefined,
  };
}
