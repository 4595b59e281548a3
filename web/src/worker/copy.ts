/**
 * Copying without blocking a page: arrays of any size, in parts, with pauses in between.
 *
 * A copy into fresh memory runs at some 1 GB/s, because every page is touched for the first time: 100 MB, which is one
 * call with 16384 tokens and 8 heads of 64, would block a page for 100 ms.
 */
import { HeedError } from "../errors.js";
import type { ArrayOperand } from "../check/arrays.js";

/** Chosen: half a frame at 60 Hz. */
const partMs = 8;
/** Looked at the clock after so many numbers: about 1 ms. */
const numbersPerLook = 2 ** 18;

/** Inputs up to this size are copied before the call returns; it takes a few milliseconds. */
export const bytesAtOnce = 2 ** 23;

interface Copyable {
  readonly length: number;
  readonly name: string;
}

export interface CopyOptions {
  pause: () => Promise<void>;
  /** Looked at after every pause; true ends the copying half-way. */
  ended: () => boolean;
}

/** Source to target, of the same kind and length. @throws {HeedError} `detached` when the source goes away meanwhile */
async function copyInParts(
  { name, length }: Copyable,
  source: Float32Array | Uint16Array,
  target: Float32Array | Uint16Array,
  { pause, ended }: CopyOptions,
): Promise<void> {
  let began = performance.now();
  for (let from = 0; from < length; from += numbersPerLook) {
    if (source.length !== length || target.length !== length) {
      throw new HeedError("detached", `the buffer of ${name} was transferred away while the call was copying it`);
    }
    target.set(source.subarray(from, from + numbersPerLook), from);
    if (performance.now() - began < partMs) continue;
    await pause();
    if (ended()) return;
    began = performance.now();
  }
}

/** Our own copies of inputs. */
export async function copyOperands(operands: readonly ArrayOperand[], options: CopyOptions): Promise<ArrayOperand[]> {
  const copies: ArrayOperand[] = [];
  for (const operand of operands) {
    const { kind, name, length } = operand;
    const copy: ArrayOperand =
      kind === "f32"
        ? { kind, name, length, data: new Float32Array(length) }
        : { kind, name, length, data: new Uint16Array(length) };
    await copyInParts(operand, operand.data, copy.data, options);
    if (options.ended()) return copies;
    copies.push(copy);
  }
  return copies;
}

/** Small inputs, copied before the call returns. */
export function copyOperandsAtOnce(operands: readonly ArrayOperand[]): ArrayOperand[] {
  return operands.map((operand) =>
    operand.kind === "f32" ? { ...operand, data: operand.data.slice() } : { ...operand, data: operand.data.slice() },
  );
}

/**
 * The caller's arrays, taken over: their buffers are detached at once. Shared ones cannot be, they are copied.
 *
 * @throws {HeedError} `invalid-argument`
 */
export function moveOperands(operands: readonly ArrayOperand[]): ArrayOperand[] {
  const moved = new Map<ArrayBuffer, ArrayBuffer>();
  // All or none: a buffer that cannot be moved is found before another one has gone.
  const buffers = [...new Set(operands.map(({ data }) => data.buffer))].filter((one) => one instanceof ArrayBuffer);
  const places = operands.map(({ data: { byteOffset, length } }) => ({ byteOffset, length }));
  try {
    const own = structuredClone(buffers, { transfer: buffers });
    buffers.forEach((buffer, i) => moved.set(buffer, own[i] as ArrayBuffer));
  } catch (error) {
    throw new HeedError("invalid-argument", "an input's buffer cannot be transferred; leave transfer out", {
      cause: error,
    });
  }
  return operands.map((operand, i) => {
    const { byteOffset, length } = places[i] as { byteOffset: number; length: number };
    const buffer = operand.data.buffer instanceof ArrayBuffer ? moved.get(operand.data.buffer) : undefined;
    if (buffer === undefined) return copyOperandsAtOnce([operand])[0] as ArrayOperand;
    return operand.kind === "f32"
      ? { ...operand, data: new Float32Array(buffer, byteOffset, length) }
      : { ...operand, data: new Uint16Array(buffer, byteOffset, length) };
  });
}

/** A result into the caller's own array. @throws {HeedError} `detached` */
export function copyResult(out: Float32Array, target: Float32Array, pause: () => Promise<void>): Promise<void> {
  return copyInParts({ name: "out", length: out.length }, out, target, { pause, ended: () => false });
}
