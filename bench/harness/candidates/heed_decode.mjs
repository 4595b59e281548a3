// One new token's attention over heed's KvCache through heed/sync: a query in, an output out into an array given
// beforehand. The cache is filled before anything is timed. Calls go through the queries by turns.
//
// `operation`: "attend", "attendTopK", "append" (one token, and back to where the cache was) or "monitor".

const bytesOf = { f32: 4, f16: 2, int8: 1 };
/** Tokens appended at once: enough for all threads, few enough to need no second copy of a long cache. */
const tokensAtOnce = 4096;

export async function open({ entry, variant, threads, operation = "attend", dtype = "f32" }, { load }) {
  const { create } = await load(entry);
  const heed = await create({ variant, threads });
  let cache;
  let queries;
  let options;
  let next = 0;
  let shape;
  let token;
  const operations = {
    attend: (q) => cache.attend(q, options),
    attendTopK: (q) => cache.attendTopK(q, options),
    append() {
      cache.append(...token);
      cache.rewind(shape.n);
    },
    monitor: (q) => cache.monitor(q, options),
  };
  return {
    info: heed.info,
    layout: "token-major",
    prepare(wanted, { q, k, v }) {
      shape = wanted;
      const { n, heads, headDim } = shape;
      const row = heads * headDim;
      cache = heed.cache({ kvHeads: heads, headDim, dtype });
      for (let i = 0; i < n; i += tokensAtOnce) {
        const part = (numbers) => numbers.subarray(i * row, Math.min(n, i + tokensAtOnce) * row);
        cache.append(part(k), part(v));
      }
      queries = Array.from({ length: shape.queries }, (_, i) => q.slice(i * row, (i + 1) * row));
      token = [queries[0], queries[0]];
      options = { heads };
      if (operation === "attend" || operation === "attendTopK") options.out = new Float32Array(row);
      if (operation === "attend" && shape.monitor) options.monitor = true;
      if (operation !== "attendTopK") return;
      options.keep = { k: shape.k };
      for (const name of ["estimator", "search", "searchTau", "tail", "seed"]) {
        if (shape[name] !== undefined) options[name] = shape[name];
      }
    },
    select: (i) => (next = i),
    call() {
      const answer = operations[operation](queries[next]);
      next = (next + 1) % queries.length;
      return answer;
    },
    read(answer) {
      if (operation !== "attend") return answer;
      return (answer.out ?? answer).slice();
    },
    /** The same call, with what was kept; its output must be the timed call's, bit for bit. */
    explain(i, { out }) {
      const explained = cache.attendTopK(queries[i], { ...options, out: undefined, indices: true });
      if (explained.out.some((number, c) => !Object.is(number, out[c]))) {
        throw new Error("the output with indices differs from the output without");
      }
      return explained;
    },
    work: () => (operation === "attend" ? { bytes: 2 * shape.n * shape.heads * shape.headDim * bytesOf[dtype] } : {}),
    memory: () => ({ totalBytes: heed.memory().totalBytes, cacheBytes: cache.bytes() }),
    close: () => heed.dispose(),
  };
}
