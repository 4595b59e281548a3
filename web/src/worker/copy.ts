/**
 * Copying without blocking a page: arrays of any size, in parts, with pauses in between.
 *
 * A copy into fresh memory runs at some 1 GB/s, because every page is touched for the first time: 100 MB, which is one
 * call with 16384 tokens and 8 heads of 64, would block a page for 100 ms.
 */
import { HeedError } from "../errors.js";
import type { PostedOperand } from "../check/arrays.js";

/** Chosen: half a frame at 60 Hz. */
const partMs = 8;
/** Looked at the clock after so many numbers: about 1 ms. */
const numbersPerLook = 2 ** 18;

/** Inputs up to this size are copied before the call returns; it takes a few milliseconds. */
export const bytesAtOnce = 2 ** 23;

type Numbers = PostedOperand["data"];

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
  source: Numbers,
  target: Numbers,
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

/** The same operand with other numbers, which are of the same kind. */
function withData(operand: PostedOperand, data: Numbers): PostedOperand {
  return { ...operand, data } as PostedOperand;
}

/** Zeros of the operand's kind, in a buffer that is not shared; or a view of that buffer. */
function numbersOf({ kind }: PostedOperand, length: number, buffer?: ArrayBuffer, byteOffset?: number): Numbers {
  const Kind = { f32: Float32Array, f16: Uint16Array, u8: Uint8Array }[kind];
  return buffer === undefined ? new Kind(length) : new Kind(buffer, byteOffset, length);
}

/** Our own copies of inputs. */
export async function copyOperands(operands: readonly PostedOperand[], options: CopyOptions): Promise<PostedOperand[]> {
  const copies: PostedOperand[] = [];
  for (const operand of operands) {
    const data = numbersOf(operand, operand.length);
    await copyInParts(operand, operand.data, data, options);
    if (options.ended()) return copies;
    copies.push(withData(operand, data));
  }
  return copies;
}

/** Small inputs, copied before the call returns. */
export function copyOperandsAtOnce(operands: readonly PostedOperand[]): PostedOperand[] {
  return operands.map((operand) => withData(operand, operand.data.slice()));
}

/**
 * The caller's arrays, taken over: their buffers are detached at once. Shared ones cannot be, they are copied.
 *
 * @throws {HeedError} `invalid-argument`
 */
export function moveOperands(operands: readonly PostedOperand[]): PostedOperand[] {
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
    if (buffer === undefined) return copyOperandsAtOnce([operand])[0] as PostedOperand;
    return withData(operand, numbersOf(operand, length, buffer, byteOffset));
  });
}

/** A result into the caller's own array. @throws {HeedError} `detached` */
export function copyResult(out: Float32Array, target: Float32Array, pause: () => Promise<void>): Promise<void> {
  return copyInParts({ name: "out", length: out.length }, out, target, { pause, ended: () => false });
}
