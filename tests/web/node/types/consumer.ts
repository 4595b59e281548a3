/** What a program with strict types may and may not write; types.test.ts compiles it, nobody runs it. */
import { create, HeedError, type Accumulate, type Info, type Keep, type ScoreRules } from "heed";
import { create as createSync, type Tensor } from "heed/sync";

export async function asynchronous(q: Float32Array, halves: Uint16Array): Promise<Info> {
  const heed = await create({ threads: 2, onProgress: ({ phase, loaded, total }) => void [phase, loaded / total] });
  const shape = { heads: 1, headDim: 8 };
  const out: Float32Array = await heed.attend(q, q, q, shape);
  const { lse } = await heed.attend(q, q, out, { ...shape, lse: true });
  const rules: ScoreRules = { window: 8, sinks: 1, softcap: 30, mask: new Uint8Array(1) };
  const accumulate: Accumulate = "f64";
  await heed.attend(q, q, q, { ...shape, ...rules, accumulate });
  await heed.weights(q, q, { ...shape, ...rules });
  const keep: Keep = { alpha: 1, exponent: 0.5, max: 64 };
  const plain = await heed.attendTopK(q, q, q, { ...shape, keep });
  const indexed = await heed.attendTopK(halves, q, q, { ...shape, keep, dtype: "f16", indices: true });
  for await (const row of heed.simulate("E1", { n: [4], epsilon: [0.1] })) void row.closedForm;
  void [
    lse.length,
    indexed.offsets.length,
    plain.bound,
    await heed.theory.windowLaw({ n: 9, alpha: 1, exponent: 0.5 }),
    (await heed.theory.regime({ n: 9, sigma: 1 })).regime === "dispersion",
    (await heed.theory.radius({ queryWeights: q, keyWeights: q, headDim: 8 }, {})).radius,
  ];

  // @ts-expect-error: indices must be asked for
  void plain.indices;
  // @ts-expect-error: no such option
  void heed.attend(q, q, q, { ...shape, headdim: 8 });
  const budgets: Keep[] = [{ k: 4, max: 9 }, { mass: 0.9 }, { threshold: 0.01, min: 2 }];
  const certified = await heed.attendTopK(q, q, q, { ...shape, ...rules, keep: budgets, certificates: true });
  const both = await heed.attendTopK(q, q, q, { ...shape, keep, certificates: true, indices: true });
  void [certified.certificates.outputError, both.certificates.blockwise, both.indices];
  // @ts-expect-error: certificates must be asked for
  void plain.certificates;
  // @ts-expect-error: no such budget
  void heed.attendTopK(q, q, q, { ...shape, keep: { k: 3, share: 0.5 } });
  // @ts-expect-error: attendTopK keeps its sums in one way
  void heed.attendTopK(q, q, q, { ...shape, keep, accumulate: "f64" });
  // @ts-expect-error: no such formula parameter
  void heed.theory.regime({ n: 9, sigma: 1, d: 64 });
  // @ts-expect-error: a mask of doubles
  void heed.attend(q, q, q, { ...shape, mask: new Float64Array(1) });
  // @ts-expect-error: keep is required
  void heed.attendTopK(q, q, q, shape);
  // @ts-expect-error: not numbers that heed reads
  void heed.attend(new Float64Array(8), q, q, shape);
  // @ts-expect-error: no such variant
  void create({ variant: "fast" });
  await heed.dispose();
  return heed.info;
}

interface OtherTensor {
  readonly data: Float32Array | Uint16Array | readonly string[];
  readonly dims: readonly number[];
  readonly type: "float32" | "string";
  readonly location: "cpu" | "gpu-buffer";
}

/** Tensors of other libraries, whose constructors take what comes out. */
export async function foreign(tensor: OtherTensor, q: Float32Array): Promise<void> {
  const heed = await create();
  const layout = "head-major";
  const out: { type: "float32"; data: Float32Array; dims: number[] } = await heed.attend(tensor, tensor, tensor, {
    layout,
    mask: tensor,
  });
  const { lse } = await heed.attend(tensor, q, q, { layout, kvHeads: 2, lse: true, out: tensor });
  const both = await heed.attendTopK(tensor, tensor, tensor, { layout, keep: { k: 4 }, indices: true });
  const scores: Float32Array = await heed.scores(tensor, tensor, { layout });
  const found = await heed.attendTopK(tensor, await heed.index(tensor, { layout }), q, { layout, keep: { k: 4 } });
  void [out, lse.length, both.indices.length, both.out.dims, scores, found.out.data];
  // @ts-expect-error: indices must be asked for
  void found.indices;
  // @ts-expect-error: arrays do not say their shape
  void heed.attend(q, q, q, { layout });
  // @ts-expect-error: no such option
  void heed.attend(tensor, tensor, tensor, { layout, headdim: 8 });
}

export async function synchronous(q: Float32Array): Promise<Tensor> {
  const heed = await createSync({ variant: "simd" });
  const shape = { heads: 1, headDim: 8 };
  const tensor = heed.tensor(q);
  const out: Tensor = heed.attend(tensor, tensor, tensor, shape);
  const mixed: Float32Array = heed.attend(q, tensor, tensor, shape);
  const sparse: Tensor = heed.attendTopK(tensor, tensor, tensor, { ...shape, keep: { k: 1 } }).out;
  for (const row of heed.simulate("E1", { n: [4], epsilon: [0.1] })) void row.sigma;
  void [mixed, sparse];
  // @ts-expect-error: arrays in, array out
  const wrong: Tensor = heed.attend(q, q, q, shape);
  void wrong;
  return out;
}

export function codeOf(error: unknown): string {
  return error instanceof HeedError && error.code === "worker-died" ? error.message : "";
}
