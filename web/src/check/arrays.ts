/**
 * Input and output arrays: their kind, that they are not detached, that they do not overlap.
 *
 * Half floats become their 16 bits here, whichever of the two ways they came in. Tensors pass through: only heed/sync
 * has them, and it recognizes them.
 */
import { HeedError } from "../errors.js";
import { shown } from "./names.js";

interface Float32Operand {
  kind: "f32";
  name: string;
  length: number;
  data: Float32Array;
}

/** A checked array. */
export type ArrayOperand = Float32Operand | { kind: "f16"; name: string; length: number; data: Uint16Array };

/** A checked mask: numbers to add, or 0 for keys that do not count. */
export type MaskOperand = Float32Operand | { kind: "u8"; name: string; length: number; data: Uint8Array };

/** Whatever a plan may hold that is copied or moved to the worker. */
export type PostedOperand = ArrayOperand | MaskOperand;

/** A checked input. `tensor` is what the caller's instance recognizes as its own. */
export type Operand<T> = ArrayOperand | { kind: "tensor"; name: string; length: number; tensor: T };

/** Something whose elements a call can use in place. */
export interface TensorLike {
  readonly length: number;
  /** @throws {HeedError} `disposed`, naming the argument */
  assertUsable(name: string): void;
}

const legalKinds =
  'a Float32Array, a Float16Array or, with dtype: "f16", a Uint16Array is needed (heed/sync also takes its Tensors)';

function isDetached(array: ArrayBufferView): boolean {
  if (array.byteLength > 0) return false;
  try {
    // Engines without ArrayBuffer.detached tell it this way only.
    new Uint8Array(array.buffer);
    return false;
  } catch {
    return true;
  }
}

/** @throws {HeedError} `detached` */
export function checkAttached(name: string, array: ArrayBufferView): void {
  if (!isDetached(array)) return;
  throw new HeedError(
    "detached",
    `the buffer of ${name} was transferred away; pass an array that still has its numbers`,
  );
}

function isFloat16(value: ArrayBufferView): boolean {
  return Object.prototype.toString.call(value) === "[object Float16Array]";
}

/** @throws {HeedError} `invalid-argument`, `detached` */
export function checkOperand<T extends TensorLike = never>(
  name: string,
  value: unknown,
  dtype: "f32" | "f16" | undefined,
  isTensor?: (value: unknown) => value is T,
): Operand<T> {
  if (isTensor?.(value)) {
    value.assertUsable(name);
    return { kind: "tensor", name, length: value.length, tensor: value };
  }
  if (!ArrayBuffer.isView(value)) throw new HeedError("invalid-argument", `${name} is ${shown(value)}; ${legalKinds}`);
  checkAttached(name, value);
  if (value instanceof Float32Array) return { kind: "f32", name, length: value.length, data: value };
  if (isFloat16(value)) {
    const data = new Uint16Array(value.buffer, value.byteOffset, value.byteLength / 2);
    return { kind: "f16", name, length: data.length, data };
  }
  if (value instanceof Uint16Array && dtype === "f16") return { kind: "f16", name, length: value.length, data: value };
  throw new HeedError("invalid-argument", `${name} is ${shown(value)}; ${legalKinds}`);
}

/** @throws {HeedError} `invalid-argument`, `detached` */
export function checkFloat32(name: string, value: unknown): Float32Array {
  if (!(value instanceof Float32Array)) {
    throw new HeedError("invalid-argument", `${name} is ${shown(value)}; a Float32Array is needed`);
  }
  checkAttached(name, value);
  return value;
}

/** Bytes, as an operand. @throws {HeedError} `invalid-argument`, `detached` */
export function checkBytes(name: string, value: unknown): MaskOperand & { kind: "u8" } {
  if (!(value instanceof Uint8Array)) {
    throw new HeedError("invalid-argument", `${name} is ${shown(value)}; a Uint8Array is needed`);
  }
  checkAttached(name, value);
  // A plain view also of Node's Buffer, whose slice() would be no copy.
  const data = new Uint8Array(value.buffer, value.byteOffset, value.length);
  return { kind: "u8", name, length: data.length, data };
}

/** @throws {HeedError} `shape-mismatch` */
export function checkLength(name: string, length: number, needed: number, why: string): void {
  if (length === needed) return;
  throw new HeedError("shape-mismatch", `${name} has ${length} numbers; ${why} needs ${needed}`);
}

/** @throws {HeedError} `invalid-argument` */
export function checkNoOverlap(out: ArrayBufferView, inputs: readonly (Operand<unknown> | MaskOperand)[]): void {
  for (const input of inputs) {
    if (input.kind === "tensor" || input.data.buffer !== out.buffer) continue;
    const { byteOffset, byteLength } = input.data;
    const apart = byteOffset + byteLength <= out.byteOffset || out.byteOffset + out.byteLength <= byteOffset;
    if (apart) continue;
    throw new HeedError("invalid-argument", `out overlaps ${input.name}; pass an array that shares no memory with it`);
  }
}
