import { create } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectError } from "../support/expect-error.js";
import { expectedSync } from "../support/expected-variants.js";
import { inputsFor } from "../support/reference.js";
import { cases, optionsOf, type Case } from "../support/shapes.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

const shape = cases.find(({ heads, kvHeads }) => heads > kvHeads) as Case;
const { q, k, v } = inputsFor(shape, 51);

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("tensors, $variant", ({ heed }) => {
  test("tensors in, tensor out, the same numbers as with arrays", () => {
    const before = heed.memory().liveBytes;
    const tensors = [q, k, v].map((array) => heed.tensor(array));
    const [tq, tk, tv] = tensors as [(typeof tensors)[0], (typeof tensors)[0], (typeof tensors)[0]];
    const held = heed.memory().liveBytes;
    const out = heed.attend(tq, tk, tv, optionsOf(shape));
    expect(out.view()).toEqual(heed.attend(q, k, v, optionsOf(shape)));
    expect(heed.memory().liveBytes - held).toBeGreaterThanOrEqual(out.length * 4);

    const again = heed.attend(tq, tk, tv, { ...optionsOf(shape), out });
    expect(again).toBe(out);
    const sparse = heed.attendTopK(tq, tk, tv, { ...optionsOf(shape), keep: { k: 5 } });
    expect(sparse.out.view()).toEqual(heed.attendTopK(q, k, v, { ...optionsOf(shape), keep: { k: 5 } }).out);
    expect(sparse.dropped).toBeInstanceOf(Float32Array);

    for (const tensor of [...tensors, out, sparse.out]) tensor.dispose();
    expect(heed.memory().liveBytes).toBe(before);
  });

  test("keys in memory and queries from an array give an array", () => {
    const [tk, tv] = [heed.tensor(k), heed.tensor(v)];
    const out: Float32Array = heed.attend(q, tk, tv, optionsOf(shape));
    expect(out).toEqual(heed.attend(q, k, v, optionsOf(shape)));
    for (const tensor of [tk, tv]) tensor.dispose();
  });

  test("a view survives memory growth when it is taken again", () => {
    const tensor = heed.tensor(Float32Array.of(1, 2, 3));
    const old = tensor.view();
    const size = heed.memory().totalBytes;
    const big = heed.tensor(size / 4);
    expect(heed.memory().totalBytes).toBeGreaterThan(size);
    expect([...tensor.view()]).toEqual([1, 2, 3]);
    tensor.view()[0] = 9;
    expect(tensor.view()[0]).toBe(9);
    // Unshared memory moves when it grows: the old view is empty. Shared memory stays.
    expect([0, 3]).toContain(old.length);
    for (const one of [tensor, big]) one.dispose();
  });

  test("a tensor of a length is zeros, also in memory that was used before", () => {
    const used = heed.tensor(new Float32Array(1000).fill(7));
    used.dispose();
    const fresh = heed.tensor(1000);
    expect(fresh.view().every((number) => number === 0)).toBe(true);
    fresh.dispose();
  });

  test("after dispose it is gone; a second dispose does nothing", () => {
    const tensor = heed.tensor(4);
    tensor.dispose();
    tensor.dispose();
    expectError("disposed", /tensor/, () => tensor.view());
    expectError("disposed", /^k was disposed/, () => heed.attend(q, tensor, v, optionsOf({ ...shape, keys: 1 })));
  });

  test("using gives it back", () => {
    const before = heed.memory().liveBytes;
    {
      using tensor = heed.tensor(4);
      expect(heed.memory().liveBytes).toBeGreaterThan(before);
      expect(tensor.view()).toHaveLength(4);
    }
    expect(heed.memory().liveBytes).toBe(before);
  });

  test("views of the module's memory and mixed targets are refused", () => {
    const [tq, tk, tv] = [heed.tensor(q), heed.tensor(k), heed.tensor(v)];
    expectError("invalid-argument", /^q is a view into the module's memory/, () => {
      heed.attend(tq.view(), k, v, optionsOf(shape));
    });
    expectError("invalid-argument", /view into the module's memory/, () => heed.tensor(tq.view()));
    expectError("invalid-argument", /a Tensor is needed/, () => {
      const out = new Float32Array(1) as never;
      heed.attend(tq, tk, tv, { ...optionsOf(shape), out });
    });
    expectError("invalid-argument", /out is the Tensor q/, () => {
      const square = { heads: shape.heads, headDim: shape.headDim };
      heed.attend(tq, tq, tq, { ...square, out: tq });
    });
    expectError("invalid-argument", /every input must be a Tensor too/, () => {
      heed.attend(q, tk, tv, { ...optionsOf(shape), out: tq as never });
    });
    for (const tensor of [tq, tk, tv]) tensor.dispose();
  });
});

test("a tensor of another instance is refused", async () => {
  const other = await create({ variant: "simd" });
  const heed = instances[0]!;
  const foreign = other.tensor(k);
  expectError("invalid-argument", /^k is a Tensor of another instance/, () => {
    heed.attend(q, foreign, v, optionsOf(shape));
  });
  other.dispose();
  expectError("disposed", /instance was disposed/, () => foreign.view());
  foreign.dispose();
});
