/**
 * Tensors of other libraries: any object with `data`, `dims` and `type`, as onnxruntime-web and transformers.js have
 * them. heed depends on neither. In goes what they made, out comes what their constructors take:
 *
 *     const { out } = await heed.attendTopK(q, k, v, { layout: "head-major", keep: { k: 16 } });
 *     new ort.Tensor(out.type, out.data, out.dims)
 *
 * The shape comes from `dims`, and options that say it again have to agree. Four axes are (batch, n, heads, dim), or
 * (batch, heads, n, dim) with `layout: "head-major"`; with neither `layout` nor `heads` they are refused, because one
 * order looks like the other. Three are (batch, n, heads · dim), two (n, heads · dim), and need `heads`. Where the
 * queries are a tensor, `out` is one, with axes like theirs; everything else that is returned is arrays as always.
 */
import type { AttendOptions, IndexOptions, Numbers, ScoresOptions, TopKOptions } from "./options.js";
import type { CertifiedTopKResult, IndexedTopKResult, TopKResult } from "./results.js";

/** A tensor whose numbers lie in the memory of JavaScript. */
export interface ForeignTensor {
  /** A `Float32Array`, or half floats with the type "float16"; of a mask also a `Uint8Array`. */
  readonly data: unknown;
  /** Sizes of the axes, outermost first. */
  readonly dims: readonly number[];
  /** "float32" or "float16"; of a mask "float32", "bool" or "uint8". */
  readonly type: string;
  /** Where the numbers are. Anything but "cpu" and "cpu-pinned" is refused. */
  readonly location?: string;
}

/** A result for a caller that has tensors: `new Tensor(type, data, dims)`. */
export interface ForeignResult {
  /** Of `data`. */
  type: "float32";
  /** The numbers, in the order of `dims`. */
  data: Float32Array;
  /** Sizes of the axes, outermost first. */
  dims: number[];
}

/** What `dims` say. */
type ShapeOption = "heads" | "kvHeads" | "headDim" | "valueDim" | "batch";

/** Options whose shape may be left to the tensors. `out` and `mask` may be tensors too. */
export type ForeignOptions<Options> = Omit<Options, ShapeOption | "out" | "mask"> &
  Partial<Pick<Options, ShapeOption & keyof Options>> &
  (Options extends { mask?: unknown } ? { mask?: Float32Array | Uint8Array | ForeignTensor } : unknown) &
  (Options extends { out?: unknown } ? { out?: ForeignTensor } : unknown);

/** Numbers beside a tensor. */
export type ForeignInput = Numbers | ForeignTensor;

/** Options of `attend` with tensors of another library. */
export type ForeignAttendOptions = ForeignOptions<AttendOptions>;
/** Options of `attendTopK` with tensors of another library. */
export type ForeignTopKOptions = ForeignOptions<TopKOptions>;
/** Options of `scores` and `weights` with tensors of another library. */
export type ForeignScoresOptions = ForeignOptions<ScoresOptions>;
/** Options of `index` with a tensor of another library. */
export type ForeignIndexOptions = ForeignOptions<IndexOptions>;

/** `attendTopK` with these options. */
export type ForeignTopKResult<Options> = TopKResult<ForeignResult> &
  (Options extends { indices: true } ? IndexedTopKResult<ForeignResult> : unknown) &
  (Options extends { certificates: true } ? CertifiedTopKResult<ForeignResult> : unknown);
