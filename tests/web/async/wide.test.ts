/**
 * The build with addresses of 64 bits: it runs when it is asked for, has the bits of "relaxed-threads", and where it
 * cannot run the error says what is missing. More than 4 GiB: tests/wide.
 */
import { create, type Heed } from "heed";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { expectRejection } from "../support/expect-error.js";
import { wideAsync } from "../support/expected-variants.js";
import { Random } from "../support/random.js";
import { modelFile, tinyModel, tinyTokenizer } from "../support/tiny-model.js";

const wide = "relaxed-threads-64";

describe.skipIf(!wideAsync)("where engines have it", () => {
  let both: Heed[];
  beforeAll(async () => {
    // Asked for by the memory, not by name.
    both = await Promise.all(
      [{ maximumMemory: 2 ** 33 }, { variant: "relaxed-threads" as const }].map((options) =>
        create({ ...options, threads: 2 }),
      ),
    );
  });
  afterAll(() => Promise.all(both.map((heed) => heed.dispose())));

  /** What each of the two gives. */
  const each = <T>(call: (heed: Heed) => Promise<T>) => Promise.all(both.map(call));

  test("more than 4 GiB choose it, and nothing else does", async () => {
    expect(both.map(({ info }) => info.variant)).toEqual([wide, "relaxed-threads"]);
    expect(both[0]!.info).toMatchObject({ threads: 2, reason: null, features: { memory64: true } });
    for (const options of [{}, { maximumMemory: 2 ** 32 }]) {
      const heed = await create({ ...options, threads: 2 });
      expect(heed.info.variant).toBe("relaxed-threads");
      await heed.dispose();
    }
    const named = await create({ variant: wide, threads: 1, maximumMemory: 2 ** 26 });
    expect(named.info).toMatchObject({ variant: wide, threads: 1 });
    await named.dispose();
  });

  test("its limit of memory holds, and it works on afterwards", async () => {
    const small = await create({ variant: wide, threads: 2, maximumMemory: 2 ** 26 });
    const large = new Float32Array(2 ** 23);
    const options = { heads: 1, headDim: 4 };
    const before = await small.attend(large.subarray(0, 8), large.subarray(0, 8), large.subarray(0, 8), options);
    await expectRejection("out-of-memory", /no room for \d+ bytes/, small.attend(large, large, large, options));
    expect((await small.memory()).liveBytes).toBe(0);
    expect((await small.memory()).totalBytes).toBeLessThanOrEqual(2 ** 26);
    expect(await small.attend(large.subarray(0, 8), large.subarray(0, 8), large.subarray(0, 8), options)).toEqual(
      before,
    );
    await small.dispose();
  });

  const random = new Random(64);
  const [q, k, v] = [random.array(37 * 64), random.array(700 * 32), random.array(700 * 32)];

  test("attention has the bits of relaxed-threads", async () => {
    const shape = { heads: 4, kvHeads: 2, headDim: 16, causal: true };
    const [exact, expected] = await each((heed) => heed.attend(q, k, v, { ...shape, lse: true }));
    expect(exact).toEqual(expected);
    for (const search of ["exact", "int8", "pages", "lsh"] as const) {
      const [sparse, same] = await each((heed) =>
        heed.attendTopK(q, k, v, { ...shape, keep: { k: 9 }, search, indices: true }),
      );
      expect(sparse, search).toEqual(same);
    }
  });

  test("caches have them too, and read what the other has saved", async () => {
    for (const dtype of ["f32", "f16", "int8"] as const) {
      const caches = await each((heed) => heed.cache({ kvHeads: 2, headDim: 16, dtype }));
      const of = <T>(call: (cache: (typeof caches)[number]) => Promise<T>) => Promise.all(caches.map(call));
      await of((cache) => cache.append(k, v));
      const [exact, expected] = await of((cache) => cache.attend(q, { heads: 4, lse: true }));
      expect(exact, dtype).toEqual(expected);
      for (const search of ["exact", "int8", "pages", "lsh"] as const) {
        const options = { heads: 4, keep: { k: 9 }, search, indices: true } as const;
        const [sparse, same] = await of((cache) => cache.attendTopK(q, options));
        expect(sparse, `${dtype}, ${search}`).toEqual(same);
      }
      const [saved, other] = await of((cache) => cache.save());
      expect(saved, dtype).toEqual(other);
      await caches[0]!.restore(other!);
      expect(await caches[0]!.length()).toBe(700);
      await of((cache) => cache.dispose());
    }
  });

  test("language models too", async () => {
    const model = tinyModel({ max_position_embeddings: 256 });
    const files = () => ({ config: model.config, weights: modelFile(model), tokenizer: tinyTokenizer() });
    const ids = Array.from({ length: 99 }, (_, i) => 3 + ((i * i * 7 + 11 * i) % 58));
    for (const attention of ["exact", { keep: { k: 4 } }] as const) {
      const [losses, expected] = await each(async (heed) => {
        const decoder = await heed.Decoder.load({ ...files(), dtype: "int8" });
        const { losses } = await decoder.score(ids, { attention });
        await decoder.dispose();
        return losses;
      });
      expect(losses).toEqual(expected);
    }
  });

  test("simulations run beside it, in a module of their own", async () => {
    const [rows, expected] = await each(async (heed) => {
      const rows = [];
      for await (const row of heed.simulate("E1", { n: [300], d: 16, epsilon: [0.01] })) rows.push(row);
      return rows;
    });
    expect(rows).toEqual(expected);
  });
});

describe.skipIf(wideAsync)("where they have not", () => {
  test("the error says what is missing", async () => {
    await expectRejection(
      "unsupported",
      /the variant "relaxed-threads-64" cannot run: this engine lacks/,
      create({ variant: wide }),
    );
    await expectRejection(
      "unsupported",
      /^maximumMemory is 8589934592, which needs addresses of 64 bits, and the variant "relaxed-threads-64" cannot run/,
      create({ maximumMemory: 2 ** 33 }),
    );
  });
});
