// Top-k attention as one writes it without a library: the scores of a row, its k largest by a heap of them, a softmax
// over these. Plain JavaScript, one row at a time, sums in double.

/** The places of the k largest of the first `count` numbers, in no order; of equal ones the earlier stay. */
export function largest(numbers, count, k) {
  const heap = [];
  const before = (a, b) => numbers[a] < numbers[b];
  const sink = (place) => {
    for (;;) {
      const left = 2 * place + 1;
      if (left >= heap.length) return;
      const right = left + 1;
      const least = right < heap.length && before(heap[right], heap[left]) ? right : left;
      if (!before(heap[least], heap[place])) return;
      [heap[place], heap[least]] = [heap[least], heap[place]];
      place = least;
    }
  };
  for (let i = 0; i < Math.min(k, count); ++i) heap.push(i);
  for (let i = (heap.length >> 1) - 1; i >= 0; --i) sink(i);
  for (let i = heap.length; i < count; ++i) {
    if (numbers[i] <= numbers[heap[0]]) continue;
    heap[0] = i;
    sink(0);
  }
  return heap;
}

export async function open() {
  let shape;
  let operands;

  /** Token-major, as `explain` has to answer. */
  function attend(keptOf) {
    const { n, heads, headDim, causal, k: keep } = shape;
    const { q, k, v } = operands;
    const out = new Float32Array(n * heads * headDim);
    const scores = new Float64Array(n);
    const scale = 1 / Math.sqrt(headDim);
    for (let i = 0; i < n; ++i) {
      const visible = causal ? i + 1 : n;
      for (let head = 0; head < heads; ++head) {
        const query = (i * heads + head) * headDim;
        for (let j = 0; j < visible; ++j) {
          const key = (j * heads + head) * headDim;
          let score = 0;
          for (let c = 0; c < headDim; ++c) score += q[query + c] * k[key + c];
          scores[j] = score * scale;
        }
        const kept = largest(scores, visible, keep);
        keptOf?.push(kept);
        let most = -Infinity;
        for (const j of kept) most = Math.max(most, scores[j]);
        let total = 0;
        for (const j of kept) total += Math.exp(scores[j] - most);
        for (const j of kept) {
          const weight = Math.exp(scores[j] - most) / total;
          const value = (j * heads + head) * headDim;
          for (let c = 0; c < headDim; ++c) out[query + c] += weight * v[value + c];
        }
      }
    }
    return out;
  }

  return {
    info: { variant: "scalar", threads: 1 },
    layout: "token-major",
    prepare(wanted, inputs) {
      shape = wanted;
      operands = inputs;
    },
    call: () => ({ out: attend() }),
    explain({ out }) {
      const kept = [];
      const explained = attend(kept);
      if (explained.some((number, i) => !Object.is(number, out[i]))) throw new Error("two calls differ");
      const offsets = new Uint32Array(kept.length + 1);
      kept.forEach((keys, row) => (offsets[row + 1] = offsets[row] + keys.length));
      return { out: explained, indices: Uint32Array.from(kept.flat()), offsets };
    },
    close: () => undefined,
  };
}
