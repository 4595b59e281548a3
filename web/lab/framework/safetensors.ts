/**
 * Reads a safetensors file that holds half-precision arrays: an 8-byte little-endian length, a JSON header with one
 * entry per tensor, then the numbers. Every offset is checked against the file before it is used.
 */
const largestHeaderBytes = 1 << 20;

export interface HalfTensor {
  shape: number[];
  /** IEEE half floats as they stand in the file. */
  bits: Uint16Array;
}

export function readHalfTensors(file: ArrayBuffer): Map<string, HalfTensor> {
  if (file.byteLength < 8) throw new Error(`a safetensors file has at least 8 bytes; this one has ${file.byteLength}`);
  const headerBytes = Number(new DataView(file).getBigUint64(0, true));
  if (headerBytes > largestHeaderBytes || 8 + headerBytes > file.byteLength) {
    throw new Error(`the header claims ${headerBytes} bytes in a file of ${file.byteLength}`);
  }
  const header: unknown = JSON.parse(new TextDecoder().decode(new Uint8Array(file, 8, headerBytes)));
  if (typeof header !== "object" || header === null) throw new Error("the header is not an object");
  const start = 8 + headerBytes;
  const tensors = new Map<string, HalfTensor>();
  for (const [name, entry] of Object.entries(header as Record<string, unknown>)) {
    if (name !== "__metadata__") tensors.set(name, readTensor(file, start, name, entry));
  }
  return tensors;
}

function readTensor(file: ArrayBuffer, start: number, name: string, entry: unknown): HalfTensor {
  const { dtype, shape, data_offsets: offsets } = (entry ?? {}) as Record<string, unknown>;
  if (dtype !== "F16") throw new Error(`${name} has type ${String(dtype)}; only F16 is read here`);
  if (!isCounts(shape) || !isCounts(offsets) || offsets.length !== 2) throw new Error(`${name} has a malformed entry`);
  const [from, to] = offsets as [number, number];
  const count = shape.reduce((product, size) => product * size, 1);
  if (to - from !== 2 * count || start + to > file.byteLength) throw new Error(`${name} does not fit into the file`);
  return { shape, bits: new Uint16Array(file.slice(start + from, start + to)) };
}

function isCounts(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((item) => Number.isSafeInteger(item) && item >= 0);
}

let widened: Float32Array | undefined;

/** Half floats to single floats, through a table of all 65,536 of them. */
export function widenHalf(bits: Uint16Array): Float32Array {
  widened ??= Float32Array.from({ length: 65536 }, (_, half) => {
    const exponent = (half >> 10) & 31;
    const fraction = half & 1023;
    const sign = half >> 15 ? -1 : 1;
    if (exponent === 31) return fraction === 0 ? sign * Infinity : Number.NaN;
    return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1024 + fraction) * 2 ** (exponent - 25);
  });
  const out = new Float32Array(bits.length);
  for (let i = 0; i < bits.length; ++i) out[i] = widened[bits[i]!]!;
  return out;
}
