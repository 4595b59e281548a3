import { create, type Heed } from "heed";
import { create as createSync } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { badCalls, goodCall, type AnyHeed } from "../support/bad-calls.js";
import { expectCertificates, expectExact, expectPrecise, expectSparse } from "../support/compare.js";
import { needs, sharedMemory } from "../support/engine-report.js";
import { expectRejection } from "../support/expect-error.js";
import { expectedAsync, expectedSync } from "../support/expected-variants.js";
import { inputsFor } from "../support/reference.js";
import { Random } from "../support/random.js";
import { ruleCases } from "../support/rule-cases.js";
import { cases, nameOf, optionsOf, scoreOptionsOf, type Case } from "../support/shapes.js";

const instances: Heed[] = [];
for (const variant of expectedAsync) instances.push(await create({ variant }));
afterAll(async () => {
  for (const heed of instances) await heed.dispose();
});

const shape = cases.find(({ heads, kvHeads }) => heads > kvHeads) as Case;
const { q, k, v } = inputsFor(shape, 81);

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("$variant", ({ heed, variant }) => {
  const some = cases.filter((_, at) => at % 3 === 0);
  test.each(some.map((one) => ({ one, name: nameOf(one) })))(
    "attend is exact, attendTopK as stated: $name",
    async ({ one }) => {
      const inputs = inputsFor(one, 82);
      const exact = await heed.attend(inputs.q, inputs.k, inputs.v, { ...optionsOf(one), lse: true });
      expectExact(inputs, exact.out, exact.lse);
      const keep = { alpha: 1.5, exponent: 0.5 };
      const sparse = await heed.attendTopK(inputs.q, inputs.k, inputs.v, { ...optionsOf(one), keep, indices: true });
      expectSparse(inputs, sparse, "linear");
      expect(heed.info.variant).toBe(variant);
    },
  );

  test.each(ruleCases.filter((_, at) => at % 2 === 1))("attend follows its rules: $name", async ({ inputs }) => {
    const rules = { ...optionsOf(inputs.shape), ...inputs.rules };
    expectExact(inputs, await heed.attend(inputs.q, inputs.k, inputs.v, { ...rules, accumulate: "compensated" }));
    expectPrecise(inputs, await heed.attend(inputs.q, inputs.k, inputs.v, { ...rules, accumulate: "f64" }));
  });

  test.each(ruleCases.filter((_, at) => at % 2 === 0))("attendTopK follows its rules: $name", async ({ inputs }) => {
    const rules = { ...optionsOf(inputs.shape), ...inputs.rules, keep: { mass: 0.8 } };
    const all = { ...rules, indices: true, certificates: true } as const;
    const sparse = await heed.attendTopK(inputs.q, inputs.k, inputs.v, all);
    expectSparse(inputs, sparse, "linear");
    expectCertificates(inputs, sparse);
  });

  test("has the bits of heed/sync of the same build, in every function", async () => {
    if (!expectedSync.includes(variant)) return;
    const sync = await createSync({ variant, studies: true });
    const options = optionsOf(shape);
    expect(await heed.attend(q, k, v, options)).toEqual(sync.attend(q, k, v, options));
    const sparse = { ...options, keep: { k: 4 }, indices: true } as const;
    expect(await heed.attendTopK(q, k, v, sparse)).toEqual(sync.attendTopK(q, k, v, sparse));
    expect(await heed.scores(q, k, scoreOptionsOf(shape))).toEqual(sync.scores(q, k, scoreOptionsOf(shape)));
    expect(await heed.weights(q, k, scoreOptionsOf(shape))).toEqual(sync.weights(q, k, scoreOptionsOf(shape)));
    expect(await heed.selectTopK(q, 9)).toEqual(sync.selectTopK(q, 9));
    const { inputs } = ruleCases.at(-1)!;
    const keep = inputs.shape.heads === 4 ? [{ k: 3 }, { mass: 0.5 }, { threshold: 0.1 }, { k: 9 }] : { k: 3 };
    const ruled = { ...optionsOf(inputs.shape), ...inputs.rules, keep, indices: true, certificates: true } as const;
    const ruledCall = [inputs.q, inputs.k, inputs.v, ruled] as const;
    expect(await heed.attendTopK(...ruledCall)).toEqual(sync.attendTopK(...ruledCall));
    for (const accumulate of ["f32", "compensated", "f64"] as const) {
      const rules = { ...optionsOf(inputs.shape), ...inputs.rules, accumulate };
      const call = [inputs.q, inputs.k, inputs.v, rules] as const;
      expect(await heed.attend(...call)).toEqual(sync.attend(...call));
    }
    const look = { ...scoreOptionsOf(inputs.shape), ...inputs.rules };
    expect(await heed.scores(inputs.q, inputs.k, look)).toEqual(sync.scores(inputs.q, inputs.k, look));
    expect(await heed.weights(inputs.q, inputs.k, look)).toEqual(sync.weights(inputs.q, inputs.k, look));
    const rows = [];
    for await (const row of heed.simulate("E1", { n: [64, 200], epsilon: [0.01, 0.1] })) rows.push(row);
    expect(rows).toEqual([...sync.simulate("E1", { n: [64, 200], epsilon: [0.01, 0.1] })]);
    const numbers = new Random(5).array(800);
    const sweep = { q: numbers, k: numbers, d: 8, n: [50, 100], output: true };
    const kept = [];
    for await (const row of heed.simulate("E2", sweep)) kept.push(row);
    expect(kept).toEqual([...sync.simulate("E2", sweep)]);
    const law = { n: 1000, alpha: 2, exponent: 0.5 };
    expect(await heed.theory.windowLaw(law)).toBe(sync.theory.windowLaw(law));
    const lengths = { lengths: [100, 1000], k: 9, exponent: 0.5 };
    expect(await heed.theory.alignCost(lengths)).toEqual(sync.theory.alignCost(lengths));
    expect(await heed.theory.regime({ n: 100, sigma: 1 })).toEqual(sync.theory.regime({ n: 100, sigma: 1 }));
    const head = { queryWeights: q, keyWeights: q, headDim: 2, inputs: q, rope: { base: 1e4 } };
    expect(await heed.theory.radius(head)).toEqual(sync.theory.radius(head));
    expect(await heed.theory.ropeAveragedNorm(head)).toBe(sync.theory.ropeAveragedNorm(head));
    expect(Object.keys(heed.theory)).toEqual(Object.keys(sync.theory));
    sync.dispose();
  });
});

describe("an index in the worker", () => {
  const heed = instances[0]!;
  const { kvHeads, headDim, batch, layout } = shape;
  const options = { ...optionsOf(shape), keep: { k: 3 }, indices: true, estimator: "renormalized" } as const;

  test("serves many calls, and gives its memory back after those that were made before", async () => {
    const before = (await heed.memory()).liveBytes;
    const index = await heed.index(k, { kvHeads, headDim, batch, layout, search: "pages" });
    const calls = [1, 2].map(() => heed.attendTopK(q, index, v, options));
    const disposed = index.dispose();
    const expected = await heed.attendTopK(q, k, v, { ...options, search: "pages" });
    for (const call of calls) expect(await call).toEqual(expected);
    await disposed;
    await index.dispose();
    expect((await heed.memory()).liveBytes).toBe(before);
    await expectRejection("disposed", /^k was disposed/, heed.attendTopK(q, index, v, options));
  });

  test("is refused by other instances, as another argument, and after the end", async () => {
    const other = await create({ variant: heed.info.variant });
    const index = await other.index(k, { kvHeads, headDim, batch, layout });
    await expectRejection("invalid-argument", /another instance/, heed.attendTopK(q, index, v, options));
    const wrong = index as unknown as Float32Array;
    await expectRejection("invalid-argument", /^q is an object/, other.attendTopK(wrong, index, v, options));
    await other.dispose();
    await index.dispose();
    await expectRejection("disposed", /this instance was disposed/, other.attendTopK(q, index, v, options));
  });
});

describe("inputs and outputs", () => {
  const heed = instances[0]!;

  test("inputs are copied when the call is made: they stay, and may be changed at once", async () => {
    const expected = await heed.attend(q, k, v, optionsOf(shape));
    const mine = q.slice();
    const promise = heed.attend(mine, k, v, optionsOf(shape));
    mine.fill(0);
    expect(await promise).toEqual(expected);
    expect([mine, k, v].every((array) => array.byteLength > 0)).toBe(true);
  });

  test("large inputs are copied in parts: in order, and not at all when the call is cancelled meanwhile", async () => {
    const large = Float32Array.from({ length: 2 ** 22 }, (_, i) => Math.sin(i));
    const options = { heads: 1, headDim: 64 };
    const order: string[] = [];
    const controller = new AbortController();
    const keys = large.subarray(0, 64 * 100);
    const first = heed.attend(large, keys, keys, options).then((out) => {
      order.push("large");
      return out;
    });
    const cancelled = heed.attend(large, keys, keys, { ...options, signal: controller.signal });
    const mine = q.slice();
    const small = heed.attend(mine, k, v, optionsOf(shape)).then((out) => {
      order.push("small");
      return out;
    });
    mine.fill(0);
    controller.abort();
    await expect(cancelled).rejects.toBe(controller.signal.reason);
    expect((await first).subarray(-64)).toEqual(await heed.attend(large.slice(-64), keys, keys, options));
    expect(await small).toEqual(await heed.attend(q, k, v, optionsOf(shape)));
    expect(order).toEqual(["large", "small"]);

    const moved = large.slice();
    const call = heed.attend(moved, keys, keys, options);
    structuredClone(moved.buffer, { transfer: [moved.buffer] });
    await expectRejection("detached", /the buffer of q was transferred away while/, call);
    const out = new Float32Array(2 ** 22);
    expect(await heed.attend(large, keys, keys, { ...options, out })).toBe(out);
    // By hand: toEqual over four million numbers takes longer than the test may in WebKit.
    const expected = await first;
    expect(out.findIndex((number, i) => !Object.is(number, expected[i]))).toBe(-1);
    expect((await heed.memory()).liveBytes).toBe(0);
  });

  test("transfer: true moves them", async () => {
    const expected = await heed.attend(q, k, v, optionsOf(shape));
    const mine = [q, k, v].map((array) => array.slice()) as [Float32Array, Float32Array, Float32Array];
    expect(await heed.attend(...mine, { ...optionsOf(shape), transfer: true })).toEqual(expected);
    expect(mine.map((array) => array.byteLength)).toEqual([0, 0, 0]);
    await expectRejection("detached", /the buffer of q was transferred/, heed.attend(...mine, optionsOf(shape)));
  });

  test("a mask is an input: copied at once, in parts when it is large, moved with transfer", async () => {
    const { heads, queries, keys } = shape;
    const mask = Uint8Array.from({ length: heads * queries * keys }, (_, i) => (i % 7 < 4 ? 1 : 0));
    const expected = await heed.attend(q, k, v, { ...optionsOf(shape), mask });
    const mine = mask.slice();
    const call = heed.attend(q, k, v, { ...optionsOf(shape), mask: mine });
    mine.fill(0);
    expect(await call).toEqual(expected);

    const copies = [q, k, v].map((array) => array.slice()) as [Float32Array, Float32Array, Float32Array];
    const moved = mask.slice();
    expect(await heed.attend(...copies, { ...optionsOf(shape), mask: moved, transfer: true })).toEqual(expected);
    expect(moved.byteLength).toBe(0);

    // 9 MB, more than is copied at once: every query sees one key, and so has its value.
    const [rows, columns] = [300, 30_000];
    const values = Float32Array.from({ length: columns }, (_, j) => j);
    const large = new Uint8Array(rows * columns);
    for (let i = 0; i < rows; ++i) large[i * columns + 97 * i] = 1;
    const none = new Float32Array(columns);
    const out = await heed.attend(none.subarray(0, rows), none, values, { heads: 1, headDim: 1, mask: large });
    expect([...out]).toEqual(Array.from({ length: rows }, (_, i) => 97 * i));
    expect(large.byteLength).toBe(rows * columns);
    expect((await heed.memory()).liveBytes).toBe(0);
  });

  test("the same array may be several inputs, also when moved", async () => {
    const options = { heads: 1, headDim: 4 };
    const array = Float32Array.from({ length: 40 }, (_, i) => Math.sin(i));
    const expected = await heed.attend(array, array, array, options);
    expect(await heed.attend(array, array, array, { ...options, transfer: true })).toEqual(expected);
    expect(array.byteLength).toBe(0);
  });

  test("a shared input is copied, even with transfer", async (test) => {
    needs(test, ...sharedMemory);
    const shared = new Float32Array(new SharedArrayBuffer(q.byteLength));
    shared.set(q);
    const expected = await heed.attend(q, k, v, optionsOf(shape));
    expect(await heed.attend(shared, k, v, optionsOf(shape))).toEqual(expected);
    const copies = [k.slice(), v.slice()] as const;
    expect(await heed.attend(shared, ...copies, { ...optionsOf(shape), transfer: true })).toEqual(expected);
    expect(shared).toHaveLength(q.length);
  });

  test("half floats go over as they are", async () => {
    const bits = Uint16Array.from({ length: 64 }, (_, i) => 0x3800 + i);
    const options = { heads: 1, headDim: 8 };
    const expected = await heed.attend(bits, bits, bits, { ...options, dtype: "f16" });
    expect(expected.every((number) => number >= 0.5 && number < 0.6)).toBe(true);
    if (typeof Float16Array === "undefined") return;
    const halves = new Float16Array(bits.buffer);
    expect(await heed.attend(halves, halves, halves, options)).toEqual(expected);
  });

  test("out is filled and returned", async () => {
    const expected = await heed.attend(q, k, v, optionsOf(shape));
    const out = new Float32Array(expected.length);
    expect(await heed.attend(q, k, v, { ...optionsOf(shape), out })).toBe(out);
    expect(out).toEqual(expected);
    const sparse = await heed.attendTopK(q, k, v, { ...optionsOf(shape), keep: { k: shape.keys }, out });
    expect(sparse.out).toBe(out);
  });

  test("results are plain arrays", async () => {
    const out = await heed.attend(q, k, v, optionsOf(shape));
    expect(out.buffer).toBeInstanceOf(ArrayBuffer);
    expect(out.buffer.byteLength).toBe(out.byteLength);
  });
});

describe("every refusal rejects with its code, and leaves the instance as it was", () => {
  const heed = instances.at(-1)!;
  test.each(badCalls)("$name", async ({ code, text, call }) => {
    const before = await goodCall(heed as AnyHeed);
    await expectRejection(code, text, (async () => call(heed as AnyHeed))());
    expect(await goodCall(heed as AnyHeed)).toEqual(before);
    expect((await heed.memory()).liveBytes).toBe(0);
  });

  test("a tensor of heed/sync is refused with a hint", async () => {
    const sync = await createSync({ variant: "simd" });
    const tensor = sync.tensor(8) as never;
    await expectRejection(
      "invalid-argument",
      /^k is an object \(Tensor\)/,
      heed.attend(q, tensor, v, optionsOf(shape)),
    );
    sync.dispose();
  });

  test("simulate", async () => {
    const rows = heed.simulate("E1", { n: [1], epsilon: [0.1] });
    await expectRejection("invalid-argument", /^n\[0\] is 1/, rows.next());
    const refused = (id: string, parameters: unknown) => heed.simulate(id as "E2", parameters as never).next();
    await expectRejection("invalid-argument", /^keep\[1\] is 0/, refused("E2", { keep: [1, 0] }));
    await expectRejection("invalid-argument", /^the id of simulate is the string "E10"/, refused("E10", {}));
    await expectRejection("invalid-argument", /cannot be posted/, refused("E2", { n: [() => 1] }));
    await expectRejection("invalid-argument", /options of simulate E2 are null/, refused("E2", null));
  });
});

test.for(["simd", "threads"] as const)(
  "out of memory is an error, and the instance works afterwards: %s",
  async (variant, test) => {
    needs(test, `build ${variant}`, expectedAsync.includes(variant));
    const small = await create({ variant, maximumMemory: 2 ** 25 });
    const expected = await small.attend(q, k, v, optionsOf(shape));
    const large = new Float32Array(2 ** 22);
    const call = small.attend(large, large, large, { heads: 2, headDim: 4 });
    await expectRejection("out-of-memory", /no room for \d+ bytes .*maximumMemory/, call);
    expect((await small.memory()).liveBytes).toBe(0);
    expect(await small.attend(q, k, v, optionsOf(shape))).toEqual(expected);
    await small.dispose();
  },
);

test("using disposes", async () => {
  const disposed = await create({ variant: "simd" });
  {
    using heed = disposed;
    expect((await heed.memory()).liveBytes).toBe(0);
  }
  await expectRejection("disposed", /instance was disposed/, disposed.memory());
});
