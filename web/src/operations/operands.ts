/** Inputs into the module's memory, results out of it. */
import { HeedError } from "../errors.js";
import type { MaskOperand, Operand } from "../check/arrays.js";
import type { Target } from "../check/attend.js";
import type { Shape } from "../check/shape.js";
import type { RawProblem } from "../runtime/raw.js";
import type { AnyRuntime } from "../runtime/runtime.js";
import type { Scratch } from "../runtime/scratch.js";
import { Tensor } from "../runtime/tensor.js";

/** @throws {HeedError} `non-finite` */
function checkNumbersFinite(name: string, numbers: Float32Array): void {
  // NaN and infinity are the numbers that do not cancel themselves. A plain loop: callbacks cost ten times as much.
  for (let i = 0; i < numbers.length; ++i) {
    const number = numbers[i] as number;
    if (number - number === 0) continue;
    throw new HeedError(
      "non-finite",
      `${name} is ${number} at index ${i}; with validate: true, finite numbers are needed`,
    );
  }
}

/** Such a view is detached, or too short, as soon as the memory grows for this very call. */
function checkOutside(runtime: AnyRuntime, name: string, array: ArrayBufferView, advice: string): void {
  if (!runtime.heap.contains(array)) return;
  throw new HeedError("invalid-argument", `${name} is a view into the module's memory; ${advice}`);
}

/** -Infinity hides a key; NaN and Infinity leave no weights. @throws {HeedError} `non-finite` */
export function checkMaskNumbers({ kind, data }: MaskOperand): void {
  if (kind === "u8") return;
  for (let i = 0; i < data.length; ++i) {
    const number = data[i] as number;
    if (number < Infinity) continue;
    throw new HeedError(
      "non-finite",
      `mask is ${number} at index ${i}; with validate: true, finite numbers or -Infinity are needed`,
    );
  }
}

/** An array is copied, half floats are widened, a tensor is used in place. */
function place(runtime: AnyRuntime, scratch: Scratch, operand: Operand<Tensor>): number {
  const { name, length } = operand;
  if (operand.kind === "tensor") return operand.tensor.address(runtime, name);
  checkOutside(runtime, name, operand.data, "pass its Tensor instead");
  const address = scratch.allocate(length * 4, name);
  if (operand.kind === "f32") {
    runtime.heap.write(address, operand.data);
    return address;
  }
  const halves = scratch.allocate(length * 2, `${name} as f16`);
  runtime.heap.write(halves, operand.data);
  runtime.raw.widenHalf(halves, address, length);
  scratch.free(halves);
  return address;
}

/** Where the operand's f32 numbers lie. @throws {HeedError} `non-finite`, `out-of-memory`, `disposed` */
export function placeOperand(
  runtime: AnyRuntime,
  scratch: Scratch,
  operand: Operand<Tensor>,
  validate: boolean,
): number {
  const address = place(runtime, scratch, operand);
  if (validate) checkNumbersFinite(operand.name, runtime.heap.f32(address, operand.length));
  return address;
}

/** A result in the making: where the module writes it, and how the caller gets it. */
export interface PlacedTarget {
  address: number;
  take(): Float32Array | Tensor;
}

export function placeTarget(
  runtime: AnyRuntime,
  scratch: Scratch,
  target: Target<Tensor>,
  length: number,
): PlacedTarget {
  if (target.kind === "tensor" && target.tensor) {
    const { tensor } = target;
    return { address: tensor.address(runtime, "out"), take: () => tensor };
  }
  if (target.kind === "array") checkOutside(runtime, "out", target.data, "pass its Tensor instead");
  const address = scratch.allocate(length * 4, "the result");
  return {
    address,
    take() {
      if (target.kind === "tensor") {
        scratch.keep(address);
        return new Tensor(runtime, address, length);
      }
      if (target.kind === "fresh") return runtime.heap.copyF32(address, length, "out");
      runtime.heap.copyInto(target.data, address);
      return target.data;
    },
  };
}

/** Where a mask lies, for `rawProblem`. */
export interface PlacedMask {
  bias: number;
  allowed: number;
  maskPerHead: boolean;
}

const noMask: PlacedMask = { bias: 0, allowed: 0, maskPerHead: false };

/** Copies a mask, (queries, keys) or (heads, queries, keys). @throws {HeedError} `out-of-memory`, `invalid-argument` */
export function placeMask(
  runtime: AnyRuntime,
  scratch: Scratch,
  mask: MaskOperand | undefined,
  { queries, keys }: Pick<Shape, "queries" | "keys">,
): PlacedMask {
  if (mask === undefined) return noMask;
  checkOutside(runtime, "mask", mask.data, "pass a copy of it (slice)");
  const address = scratch.allocate(mask.data.byteLength, "mask");
  runtime.heap.write(address, mask.data);
  const placed = { ...noMask, maskPerHead: mask.length !== queries * keys };
  return mask.kind === "f32" ? { ...placed, bias: address } : { ...placed, allowed: address };
}

/** The module's description of a problem; addresses that a job does not use stay 0. */
export function rawProblem(
  shape: Shape,
  addresses: { q: number; k: number; v?: number; out?: number; lse?: number } & Partial<PlacedMask>,
  accumulate = 0,
): RawProblem {
  return { v: 0, out: 0, lse: 0, ...noMask, ...addresses, accumulate, ...shape };
}
