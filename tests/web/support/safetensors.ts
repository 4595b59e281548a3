/** Safetensors files made in a test, right ones and wrong ones. */

/** One tensor of a file in the making. */
export interface MadeTensor {
  dtype: string;
  shape: number[];
  bytes: Uint8Array;
}

/** A file with this header, given as text or as a value, and these bytes after it. */
export function fileWith(header: unknown, data: Uint8Array | number = 0): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = typeof data === "number" ? new Uint8Array(data) : data;
  const file = new Uint8Array(8 + text.length + bytes.length);
  new DataView(file.buffer).setBigUint64(0, BigInt(text.length), true);
  file.set(text, 8);
  file.set(bytes, 8 + text.length);
  return file;
}

/** A right file. */
export function fileOf(tensors: Record<string, MadeTensor>): Uint8Array<ArrayBuffer> {
  const header: Record<string, unknown> = { __metadata__: { format: "pt" } };
  const data: number[] = [];
  for (const [name, { dtype, shape, bytes }] of Object.entries(tensors)) {
    header[name] = { dtype, shape, data_offsets: [data.length, data.length + bytes.length] };
    for (const byte of bytes) data.push(byte);
  }
  return fileWith(header, Uint8Array.from(data));
}

/** Singles as a tensor. */
export function f32(shape: number[], values: ArrayLike<number>): MadeTensor {
  return { dtype: "F32", shape, bytes: new Uint8Array(Float32Array.from(values).buffer) };
}
