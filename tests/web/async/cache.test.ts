import { create } from "heed";
import { create as createSync } from "heed/sync";
import { afterAll, expect, test } from "vitest";

import { expectRejection } from "../support/expect-error.js";
import { expectedSync } from "../support/expected-variants.js";
import { Random } from "../support/random.js";

const variant = expectedSync.at(-1)!;
const heed = await create({ variant });
afterAll(() => heed.dispose());

const random = new Random(5);
const options = { kvHeads: 2, headDim: 16, layers: 2 } as const;
const [k, v, q] = [random.array(1500 * 32), random.array(1500 * 32), random.array(4 * 64)];

test("has the bits of heed/sync of the same build", async () => {
  const sync = await createSync({ variant });
  for (const dtype of ["f32", "f16", "int8"] as const) {
    const ours = await heed.cache({ ...options, dtype });
    const theirs = sync.cache({ ...options, dtype });
    expect(await ours.append(k, v, { layer: 1 })).toBe(theirs.append(k, v, { layer: 1 }));
    const call = { heads: 4, layer: 1, window: 1200, sinks: 2, lse: true } as const;
    expect(await ours.attend(q, call)).toEqual(theirs.attend(q, call));
    for (const accumulate of ["compensated", "f64"] as const) {
      const precise = { ...call, accumulate, recordAttention: true, monitor: true } as const;
      expect(await ours.attend(q, precise)).toEqual(theirs.attend(q, precise));
    }
    expect(await ours.recordedAttention({ layer: 1 })).toEqual(theirs.recordedAttention({ layer: 1 }));
    for (const search of ["exact", "int8", "pages"] as const) {
      const sparse = { heads: 4, layer: 1, keep: { k: 9 }, search, indices: true, monitor: true } as const;
      expect(await ours.attendTopK(q, sparse)).toEqual(theirs.attendTopK(q, sparse));
    }
    const mask = Uint8Array.from({ length: 4 * 1500 }, (_, i) => (i % 7 < 5 ? 1 : 0));
    const ruled = { heads: 4, layer: 1, window: 1200, sinks: 2, softcap: 9, mask } as const;
    const keep = [{ mass: 0.4 }, { threshold: 0.001 }, { k: 7 }, { alpha: 1, exponent: 0.5 }];
    const everything = { ...ruled, keep, indices: true, certificates: true } as const;
    expect(await ours.attendTopK(q, everything)).toEqual(theirs.attendTopK(q, everything));
    expect(await ours.monitor(q, { heads: 4, layer: 1 })).toEqual(theirs.monitor(q, { heads: 4, layer: 1 }));
    const evict = { heads: 4, layer: 1, policy: { keep: 1400, heavy: true } } as const;
    expect(await ours.evict(q, evict)).toEqual(theirs.evict(q, evict));
    expect(await ours.bytes()).toBe(theirs.bytes());
    const saved = await ours.save();
    expect(saved).toEqual(theirs.save());
    await ours.clear();
    await ours.restore(saved);
    const copy = await ours.fork();
    await ours.rewind(3);
    expect(await ours.length({ layer: 1 })).toBe(3);
    expect(await copy.length({ layer: 1 })).toBe(1400);
    await copy.clear();
    expect(await copy.length({ layer: 1 })).toBe(0);
    await copy.dispose();
    await ours.dispose();
    theirs.dispose();
  }
  sync.dispose();
});

test("calls queue: what is awaited last has seen all before it", async () => {
  const cache = await heed.cache(options);
  const all = [cache.append(k, v), cache.append(k, v), cache.rewind(2000), cache.length()];
  expect(await Promise.all(all)).toEqual([1500, 3000, undefined, 2000]);
  const out = new Float32Array(256);
  expect(await cache.attend(q, { heads: 4, out })).toBe(out);
  await cache.dispose();
  await cache.dispose();
  await expectRejection("disposed", /this cache was disposed/, cache.length());
});

test("a cancelled attend records nothing", async () => {
  const cache = await heed.cache(options);
  await cache.append(k, v);
  const controller = new AbortController();
  // Long enough that its steps are many: after the last one a cancel is too late.
  const many = random.array(1500 * 128 * 16);
  const attended = cache.attend(many, {
    ...{ heads: 128, recordAttention: true, signal: controller.signal },
    onProgress: () => controller.abort(new Error("enough")),
  });
  await expect(attended).rejects.toThrow("enough");
  expect((await cache.recordedAttention()).every((x) => x === 0)).toBe(true);
  await expectRejection(
    "invalid-argument",
    /no attention of layer 0/,
    cache.evict(q, { heads: 4, policy: { keep: 3, heavy: true } }),
  );
  await cache.dispose();
});

test("a cancelled append leaves the cache as it was", async () => {
  const cache = await heed.cache(options);
  await cache.append(k, v);
  const many = new Float32Array(200_000 * 32);
  const controller = new AbortController();
  const appended = cache.append(many, many, {
    signal: controller.signal,
    onProgress: () => controller.abort(new Error("enough")),
  });
  await expect(appended).rejects.toThrow("enough");
  expect(await cache.length()).toBe(1500);
  await cache.dispose();
  expect((await heed.memory()).liveBytes).toBe(0);
});

test("a cache of a worker that ended is gone, and disposing it is no error", async () => {
  const other = await create({ variant });
  const cache = await other.cache(options);
  await other.dispose();
  await expectRejection("disposed", /instance was disposed/, cache.length());
  await cache.dispose();
});
