/** Tensors as other libraries have them, in and out. With the real libraries: tests/fixtures/tensors. */
import { create as createAsync } from "heed";
import { create } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectError, expectRejection } from "../support/expect-error.js";
import { Random } from "../support/random.js";

const heed = await create({ threads: 1 });
afterAll(() => heed.dispose());

/** As onnxruntime's: `data` is a getter, and there is more than heed asks for. */
class Foreign {
  readonly size: number;
  readonly #data: Float32Array | Uint16Array | Uint8Array;
  constructor(
    readonly type: string,
    data: Float32Array | Uint16Array | Uint8Array,
    readonly dims: readonly number[],
    readonly location = "cpu",
  ) {
    this.#data = data;
    this.size = data.length;
  }
  get data() {
    if (this.location === "gpu-buffer") throw new Error("the data is not on the CPU");
    return this.#data;
  }
}

const [batch, queries, keys, heads, kvHeads, headDim, valueDim] = [2, 3, 5, 4, 2, 8, 6];
const random = new Random(7);
const q = random.array(batch * queries * heads * headDim);
const k = random.array(batch * keys * kvHeads * headDim);
const v = random.array(batch * keys * kvHeads * valueDim);
const shape = { batch, heads, kvHeads, headDim, valueDim };
const f32 = (data: Float32Array, ...dims: number[]) => new Foreign("float32", data, dims);

const tokenMajor = [
  f32(q, batch, queries, heads, headDim),
  f32(k, batch, keys, kvHeads, headDim),
  f32(v, batch, keys, kvHeads, valueDim),
] as const;
const headMajor = [
  f32(q, batch, heads, queries, headDim),
  f32(k, batch, kvHeads, keys, headDim),
  f32(v, batch, kvHeads, keys, valueDim),
] as const;
const merged = [
  f32(q, batch, queries, heads * headDim),
  f32(k, batch, keys, kvHeads * headDim),
  f32(v, batch, keys, kvHeads * valueDim),
] as const;

describe("dims say the shape", () => {
  test("four axes, in both orders", () => {
    expect(heed.attend(...tokenMajor, { layout: "token-major" })).toEqual({
      type: "float32",
      data: heed.attend(q, k, v, shape),
      dims: [batch, queries, heads, valueDim],
    });
    expect(heed.attend(...headMajor, { layout: "head-major" })).toEqual({
      type: "float32",
      data: heed.attend(q, k, v, { ...shape, layout: "head-major" }),
      dims: [batch, heads, queries, valueDim],
    });
  });

  test("three and two axes, with the number of heads", () => {
    const out = heed.attend(...merged, { heads });
    expect(out).toEqual({
      type: "float32",
      data: heed.attend(q, k, v, shape),
      dims: [batch, queries, heads * valueDim],
    });
    const one = { q: q.slice(0, q.length / 2), k: k.slice(0, k.length / 2), v: v.slice(0, v.length / 2) };
    const flat = [
      f32(one.q, queries, heads * headDim),
      f32(one.k, keys, kvHeads * headDim),
      f32(one.v, keys, kvHeads * valueDim),
    ] as const;
    expect(heed.attend(...flat, { heads })).toEqual({
      type: "float32",
      data: out.data.slice(0, out.data.length / 2),
      dims: [queries, heads * valueDim],
    });
  });

  test("arrays beside tensors need what only they know", () => {
    const out = heed.attend(tokenMajor[0], k, v, { layout: "token-major", kvHeads, valueDim });
    expect(out.data).toEqual(heed.attend(q, k, v, shape));
  });

  test("options that say it again have to agree", () => {
    expect(heed.attend(...tokenMajor, shape).data).toEqual(heed.attend(q, k, v, shape));
    const wrong = { ...shape, headDim: 4 };
    expectError("shape-mismatch", /headDim is 8 by the dims of q and 4 by the option/, () =>
      heed.attend(...tokenMajor, wrong),
    );
  });

  test("tensors that do not fit together are refused, though their lengths would do", () => {
    const turned = f32(k, batch, kvHeads, keys, headDim);
    expectError("shape-mismatch", /keys is 5 by the dims of v and 2 by the dims of k/, () =>
      heed.attend(tokenMajor[0], turned, tokenMajor[2], { layout: "token-major" }),
    );
  });

  test("four axes in an order that nobody named are refused", () => {
    expectError("shape-mismatch", /q has the dims \[2,3,4,8\]; layout: "head-major" or/, () =>
      heed.attend(...tokenMajor, {}),
    );
  });

  test("merged axes without a number of heads, one that does not divide, other ranks", () => {
    expectError("invalid-argument", /heads is undefined/, () => heed.attend(...merged, {}));
    expectError("shape-mismatch", /q has the dims \[2,3,32\]; a multiple of heads = 5 at the end is needed/, () =>
      heed.attend(...merged, { heads: 5 }),
    );
    expectError("shape-mismatch", /q has the dims \[192\]/, () => heed.attend(f32(q, q.length), k, v, { heads }));
    expectError("shape-mismatch", /q has the dims \[2,3,32\]; four are needed/, () =>
      heed.attend(...merged, { heads, layout: "head-major" }),
    );
  });
});

describe("data", () => {
  test("half floats are known by their type", () => {
    const bits = Uint16Array.from(q, (_, i) => 0x3000 + ((i * 977) & 0x0fff));
    const halves = new Foreign("float16", bits, tokenMajor[0].dims);
    const out = heed.attend(halves, tokenMajor[1], tokenMajor[2], { layout: "token-major" });
    expect(out.data).toEqual(heed.attend(bits, k, v, { ...shape, dtype: "f16" }));
  });

  test("other types, other places and wrong counts are refused by name", () => {
    const call = (one: Foreign) => () => heed.attend(one, k, v, { layout: "token-major", kvHeads, valueDim });
    const { dims } = tokenMajor[0];
    expectError(
      "invalid-argument",
      /q has the type the string "int64"; "float32" or "float16" is needed/,
      call(new Foreign("int64", q, dims)),
    );
    expectError(
      "invalid-argument",
      /q is at the string "gpu-buffer"; .* await its getData\(\)/,
      call(new Foreign("float32", q, dims, "gpu-buffer")),
    );
    expectError("shape-mismatch", /q has the dims \[2,3,4,7\]; the product 192/, call(f32(q, 2, 3, 4, 7)));
    expectError("invalid-argument", /q is a Uint16Array/, call(new Foreign("float32", new Uint16Array(192), dims)));
  });

  test("masks, behind any number of ones", () => {
    const bits = Uint8Array.from({ length: queries * keys }, (_, i) => (i % 3 === 0 ? 0 : 1));
    const options = { layout: "token-major" } as const;
    const expected = heed.attend(q, k, v, { ...shape, mask: bits });
    for (const dims of [
      [queries, keys],
      [1, 1, queries, keys],
    ]) {
      const mask = new Foreign("bool", bits, dims);
      expect(heed.attend(...tokenMajor, { ...options, mask }).data).toEqual(expected);
    }
    const turned = new Foreign("bool", bits, [keys, queries]);
    expectError("shape-mismatch", /queries is 5 by the dims of mask and 3/, () =>
      heed.attend(...tokenMajor, { ...options, mask: turned }),
    );
    const batched = new Foreign("bool", new Uint8Array(batch * heads * queries * keys), [batch, heads, queries, keys]);
    expectError("shape-mismatch", /mask has 120 numbers/, () =>
      heed.attend(...tokenMajor, { ...options, mask: batched }),
    );
  });

  test("out may be a tensor of that shape", () => {
    const out = f32(new Float32Array(batch * queries * heads * valueDim), batch, queries, heads, valueDim);
    expect(heed.attend(...tokenMajor, { layout: "token-major", out })).toBe(out);
    expect(out.data).toEqual(heed.attend(q, k, v, shape));
    const turned = f32(out.data as Float32Array, batch, heads, queries, valueDim);
    expectError("shape-mismatch", /out has the dims \[2,4,3,6\]; \[2,3,4,6\] are needed/, () =>
      heed.attend(...tokenMajor, { layout: "token-major", out: turned }),
    );
  });
});

describe("every function that takes arrays", () => {
  const options = { layout: "token-major" } as const;
  const keep = { k: 2 };

  test("attendTopK, with all that it returns", () => {
    const wanted = { keep, indices: true, certificates: true } as const;
    const expected = heed.attendTopK(q, k, v, { ...shape, ...wanted });
    const result = heed.attendTopK(...tokenMajor, { ...options, ...wanted });
    const dims = [batch, queries, heads, valueDim];
    expect(result).toEqual({ ...expected, out: { type: "float32", data: expected.out, dims } });
  });

  test("index, and attendTopK over it", () => {
    const index = heed.index(tokenMajor[1], { ...options, search: "int8" });
    const found = heed.attendTopK(tokenMajor[0], index, tokenMajor[2], { ...options, keep, kvHeads });
    const own = heed.index(k, { kvHeads, headDim, batch, search: "int8" });
    expect(found.out.data).toEqual(heed.attendTopK(q, own, v, { ...shape, keep }).out);
    index.dispose();
    own.dispose();
  });

  test("scores and weights", () => {
    const { valueDim: _, ...scoreShape } = shape;
    for (const name of ["scores", "weights"] as const) {
      expect(heed[name](tokenMajor[0], tokenMajor[1], options)).toEqual(heed[name](q, k, scoreShape));
    }
  });

  test("heed, with the same results and the same refusals", async () => {
    const asynchronous = await createAsync({ variant: heed.info.variant });
    expect(await asynchronous.attend(...headMajor, { layout: "head-major", lse: true })).toEqual(
      heed.attend(...headMajor, { layout: "head-major", lse: true }),
    );
    expect(await asynchronous.attendTopK(...tokenMajor, { ...options, keep })).toEqual(
      heed.attendTopK(...tokenMajor, { ...options, keep }),
    );
    expect(await asynchronous.weights(tokenMajor[0], tokenMajor[1], options)).toEqual(
      heed.weights(tokenMajor[0], tokenMajor[1], options),
    );
    const index = await asynchronous.index(tokenMajor[1], options);
    const found = await asynchronous.attendTopK(tokenMajor[0], index, tokenMajor[2], { ...options, keep, kvHeads });
    expect(found.out.dims).toEqual([batch, queries, heads, valueDim]);
    const out = f32(new Float32Array(batch * queries * heads * valueDim), batch, queries, heads, valueDim);
    expect(await asynchronous.attend(...tokenMajor, { ...options, out })).toBe(out);
    expect(out.data).toEqual(heed.attend(q, k, v, shape));
    await expectRejection("shape-mismatch", /q has the dims .* layout/, asynchronous.attend(...tokenMajor, {}));
    await asynchronous.dispose();
  });
});
