/** From the arguments of `attend` to a plan: everything checked, nothing computed, no module needed. */
import { HeedError } from "../errors.js";
import type { Accumulate, AttendOptions } from "../options.js";
import { rawAccumulate } from "../runtime/raw.js";
import {
  checkFloat32,
  checkLength,
  checkNoOverlap,
  checkOperand,
  type MaskOperand,
  type Operand,
  type TensorLike,
} from "./arrays.js";
import { checkCallOptions } from "./call-options.js";
import { checkFlag, checkOptionNames, checkWord, shown } from "./names.js";
import { checkMask, ruleOptionNames, type SinkUse } from "./rules.js";
import { checkShape, outLength, shapeOptionNames, type Shape } from "./shape.js";

const names = [...shapeOptionNames, ...ruleOptionNames, "valueDim", "out", "lse", "accumulate"];

/** Recognizes the caller's tensors; without one there are none. */
export type IsTensor<T> = ((value: unknown) => value is T) | undefined;

/** Where a result goes. A `tensor` without `tensor` is a new one. */
export type Target<T> = { kind: "fresh" } | { kind: "array"; data: Float32Array } | { kind: "tensor"; tensor?: T };

/** The operands of attention, and where its result goes. */
export interface AttentionPlan<T> {
  shape: Shape;
  q: Operand<T>;
  k: Operand<T>;
  v: Operand<T>;
  mask: MaskOperand | undefined;
  out: Target<T>;
  /** Look for NaN and infinity before the work; where the arrays are copied, not where the call is made. */
  validate: boolean;
}

export interface AttendPlan<T> extends AttentionPlan<T> {
  lse: boolean;
  accumulate: Accumulate;
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function checkTarget<T extends TensorLike>(
  out: unknown,
  length: number,
  inputs: readonly Operand<T>[],
  isTensor: IsTensor<T>,
): Target<T> {
  const allTensors = inputs.every(({ kind }) => kind === "tensor");
  if (out === undefined) return allTensors ? { kind: "tensor" } : { kind: "fresh" };
  if (isTensor?.(out)) {
    out.assertUsable("out");
    if (!allTensors) {
      throw new HeedError("invalid-argument", "out is a Tensor; then every input must be a Tensor too");
    }
    const same = inputs.find((input) => input.kind === "tensor" && input.tensor === out);
    if (same) throw new HeedError("invalid-argument", `out is the Tensor ${same.name}; pass another one`);
    checkLength("out", out.length, length, "the result");
    return { kind: "tensor", tensor: out };
  }
  if (allTensors) {
    throw new HeedError("invalid-argument", `out is ${shown(out)}; the inputs are Tensors, so a Tensor is needed`);
  }
  const data = checkFloat32("out", out);
  checkLength("out", data.length, length, "the result");
  checkNoOverlap(data, inputs);
  return { kind: "array", data };
}

/** What attend and attendTopK have in common. */
export function planAttention<T extends TensorLike>(
  q: unknown,
  k: unknown,
  v: unknown,
  options: Omit<AttendOptions<unknown>, "lse" | "accumulate">,
  isTensor: IsTensor<T>,
  sinks?: SinkUse,
): AttentionPlan<T> {
  checkCallOptions(options);
  const dtype = options.dtype === undefined ? undefined : checkWord("dtype", options.dtype, ["f32", "f16"]);
  const inputs = {
    q: checkOperand("q", q, dtype, isTensor),
    k: checkOperand("k", k, dtype, isTensor),
    v: checkOperand("v", v, dtype, isTensor),
  };
  const shape = checkShape(options, { q: inputs.q.length, k: inputs.k.length, v: inputs.v.length }, sinks);
  const all = [inputs.q, inputs.k, inputs.v];
  const out = checkTarget(options.out, outLength(shape), all, isTensor);
  const mask = checkMask(options.mask, shape);
  if (mask && out.kind === "array") checkNoOverlap(out.data, [mask]);
  return { shape, ...inputs, mask, out, validate: checkFlag("validate", options.validate, false) };
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planAttend<T extends TensorLike = never>(
  q: unknown,
  k: unknown,
  v: unknown,
  options: AttendOptions<unknown>,
  isTensor?: IsTensor<T>,
): AttendPlan<T> {
  checkOptionNames("attend", options, names);
  return {
    ...planAttention(q, k, v, options, isTensor),
    lse: checkFlag("lse", options.lse, false),
    accumulate: checkWord("accumulate", options.accumulate ?? "f32", rawAccumulate),
  };
}
