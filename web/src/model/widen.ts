/** Numbers as files hold them, to single precision. Little-endian, as the files and every WebAssembly machine are. */
import { HeedError } from "../errors.js";
import type { TensorType } from "./safetensors-header.js";

let halves: Float32Array | undefined;

/** IEEE half floats, through a table of all 65,536 of them. */
export function widenHalf(bits: Uint16Array): Float32Array {
  halves ??= Float32Array.from({ length: 65536 }, (_, half) => {
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const sign = half >> 15 ? -1 : 1;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
  });
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; ++i) out[i] = halves[bits[i] as number] as number;
  return out;
}

/** bfloat16: the upper half of a single. */
export function widenBfloat(bits: Uint16Array): Float32Array {
  const out = new Uint32Array(bits.length);
  for (let i = 0; i < bits.length; ++i) out[i] = (bits[i] as number) << 16;
  return new Float32Array(out.buffer);
}

/** F32, F16 or BF16 numbers from their bytes, which may lie anywhere. @throws {HeedError} `unsupported` */
export function widen(name: string, dtype: TensorType, bytes: Uint8Array): Float32Array {
  if (dtype !== "F32" && dtype !== "F16" && dtype !== "BF16") {
    throw new HeedError("unsupported", `${name} holds ${dtype}; F32, F16 and BF16 are read as numbers`);
  }
  // A copy starts where the elements can be looked at.
  const { buffer } = bytes.slice();
  if (dtype === "F32") return new Float32Array(buffer);
  return dtype === "F16" ? widenHalf(new Uint16Array(buffer)) : widenBfloat(new Uint16Array(buffer));
}
