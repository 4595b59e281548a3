/** What the fuzz targets hold results to, itself held to the package. */
import { create } from "heed/sync";
import { expect, test } from "vitest";

import { attendedLength } from "../../fuzz/web/attended.js";

const numbers = (length: number) => Float32Array.from({ length }, (_, i) => Math.sin(i));

test("a legal headDim that is not the drawn one makes other queries of the same numbers, and as many outputs", async () => {
  const heed = await create({ threads: 1 });
  // 3 queries of 2 heads of 8 numbers, 5 keys.
  const [q, k, v] = [numbers(3 * 2 * 8), numbers(5 * 2 * 8), numbers(5 * 2 * 8)];
  const lengths = { q: q.length, k: k.length, v: v.length };
  for (const headDim of [1, 2, 4, 8]) {
    const options = { heads: 2, headDim };
    expect(heed.attend(q, k, v, options)).toHaveLength(attendedLength(options, lengths));
    const sparse = heed.attendTopK(q, k, v, { ...options, keep: { k: 2 } });
    expect(sparse.out).toHaveLength(attendedLength(options, lengths));
  }
  expect(attendedLength({ heads: 2, headDim: 4 }, lengths)).toBe(6 * 2 * 4);
  heed.dispose();
});

test("tensors that are no whole numbers of queries and keys should have been refused", () => {
  const options = { heads: 2, kvHeads: 1, headDim: 4, valueDim: 3, batch: 2 };
  const lengths = { q: 2 * 7 * 2 * 4, k: 2 * 5 * 4, v: 2 * 5 * 3 };
  expect(attendedLength(options, lengths)).toBe(2 * 7 * 2 * 3);
  expect(() => attendedLength(options, { ...lengths, q: lengths.q + 1 })).toThrow("queries");
  expect(() => attendedLength(options, { ...lengths, k: lengths.k - 1 })).toThrow("keys");
  expect(() => attendedLength(options, { ...lengths, v: lengths.v + 3 })).toThrow("values");
});
