/**
 * A cache of more than 4 GiB, and whether decoding from it is right. For both entries and all engines: without its
 * types it runs as it is in a page, so it imports nothing.
 *
 * Nearly all tokens are filler with the key 0, whose scores are 0 whatever is asked, and one value; the last ones, which
 * lie above 4 GiB, are not. So the right answer is a sum over the last ones in doubles and a count.
 */
import type { Heed, KvCache } from "heed";
import type { Heed as SyncHeed, KvCache as SyncKvCache } from "heed/sync";

const [kvHeads, headDim] = [8, 64];
const row = kvHeads * headDim;
/** 64 MiB of keys and values. */
const chunk = 16384;
/** 4.25 GiB, and the last chunk. */
const filler = 68 * chunk;
export const fillerBytes = filler * row * 8;

/** Deterministic, of about standard deviation 1: mulberry32, summed. */
function numbers(length: number, seed: number): Float32Array {
  let state = seed;
  const uniform = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return Float32Array.from({ length }, () => 2 * (uniform() + uniform() + uniform() - 1.5));
}

/** The tokens of the last chunk. Their keys are long, so that some get most of a row. */
export const last = { k: numbers(chunk * row, 1).map((x) => 2 * x), v: numbers(chunk * row, 2), q: numbers(row, 3) };
const fillerValue = 0.25;

/** A cache with all of it. */
export async function largeCache(heed: Heed | SyncHeed): Promise<KvCache | SyncKvCache> {
  const cache = await heed.cache({ kvHeads, headDim, capacity: filler + 2 * chunk });
  const [k, v] = [new Float32Array(chunk * row), new Float32Array(chunk * row).fill(fillerValue)];
  for (let i = 0; i < filler; i += chunk) await cache.append(k, v);
  await cache.append(last.k, last.v);
  return cache;
}

/** Scores of the last chunk's tokens for a head, in doubles. */
function scores(head: number): Float64Array {
  return Float64Array.from({ length: chunk }, (_, token) => {
    let sum = 0;
    for (let c = head * headDim; c < (head + 1) * headDim; ++c) sum += last.q[c]! * last.k[token * row + c]!;
    return sum / Math.sqrt(headDim);
  });
}

/** The attention of a head to `count` tokens of filler and to the tokens of the last chunk from `first` on. */
function plain(head: number, count: number, first: number): Float64Array {
  const all = scores(head);
  const top = Math.max(0, ...all);
  let weight = count * Math.exp(-top);
  const out = new Float64Array(headDim).fill(weight * fillerValue);
  for (let token = first; token < chunk; ++token) {
    const w = Math.exp(all[token]! - top);
    weight += w;
    for (let c = 0; c < headDim; ++c) out[c]! += w * last.v[token * row + head * headDim + c]!;
  }
  return out.map((x) => x / weight);
}

const largest = (numbers: Iterable<number>) => [...numbers].reduce((most, x) => Math.max(most, Math.abs(x)), 0);

/** The largest difference of `out` from what `expected` says for each head. */
function difference(out: Float32Array, expected: (head: number) => Float64Array): number {
  const of = (head: number) => expected(head).map((x, c) => x - out[head * headDim + c]!);
  return largest(Array.from({ length: kvHeads }, (_, head) => largest(of(head))));
}

/** Decoding from such a cache: differences from the plain sums, and the tokens that top-k keeps, wrong ones counted. */
export async function decodeFrom(cache: KvCache | SyncKvCache) {
  const exact = await cache.attend(last.q, { heads: kvHeads });
  const window = 1000;
  const local = await cache.attend(last.q, { heads: kvHeads, window });
  const k = 8;
  const result = {
    length: await cache.length(),
    bytes: await cache.bytes(),
    /** How far the filler alone is from the answer: what a wrong answer looks like. */
    ofLast: difference(new Float32Array(row).fill(fillerValue), (head) => plain(head, filler, 0)),
    exact: difference(exact, (head) => plain(head, filler, 0)),
    windowed: difference(local, (head) => plain(head, 0, chunk - window)),
    wrong: { exact: 0, int8: 0 },
  };
  for (const search of ["exact", "int8"] as const) {
    const { indices } = await cache.attendTopK(last.q, { heads: kvHeads, keep: { k }, search, indices: true });
    let wrong = 0;
    for (let head = 0; head < kvHeads; ++head) {
      const all = scores(head);
      const best = [...all.keys()].sort((a, b) => all[b]! - all[a]!).slice(0, k);
      const expected = new Set(best.map((token) => filler + token));
      for (const token of indices.subarray(head * k, (head + 1) * k)) if (!expected.has(token)) ++wrong;
    }
    result.wrong[search] = wrong;
  }
  return result;
}
