/**
 * A safetensors file, read by slices: opening it reads the header, and each tensor is read when it is asked for.
 */
import { HeedError } from "../errors.js";
import { readExactly, type ByteSource } from "./byte-source.js";
import { headerLength, prefixBytes, readHeader, type TensorEntry } from "./safetensors-header.js";
import { widen } from "./widen.js";

/** An open file. */
export class Safetensors {
  /** @internal */
  constructor(
    /** Where the bytes come from. */
    readonly source: ByteSource,
    /** Every tensor by name, in the order of the header. */
    readonly tensors: ReadonlyMap<string, TensorEntry>,
  ) {}

  /** @throws {HeedError} `invalid-argument` when there is none of that name */
  entry(name: string): TensorEntry {
    const entry = this.tensors.get(name);
    if (entry) return entry;
    throw new HeedError("invalid-argument", `${this.source.name} has no tensor ${JSON.stringify(name)}`);
  }

  /** A tensor's bytes as they lie in the file. @throws {HeedError} `invalid-argument` */
  bytes(name: string): Promise<Uint8Array> {
    const { from, to } = this.entry(name);
    return readExactly(this.source, from, to);
  }

  /**
   * A tensor's numbers, F32, F16 or BF16, widened; or rows `first` to before `end` of its first axis.
   *
   * @throws {HeedError} `invalid-argument`, `unsupported`
   */
  async numbers(name: string, first?: number, end?: number): Promise<Float32Array> {
    const { dtype, shape, from, to } = this.entry(name);
    const rows = shape[0] ?? 1;
    const [top, bottom] = [first ?? 0, end ?? rows];
    if (!(Number.isInteger(top) && Number.isInteger(bottom) && top >= 0 && top <= bottom && bottom <= rows)) {
      throw new HeedError("invalid-argument", `rows ${top} to ${bottom} of ${name} were asked for; it has ${rows}`);
    }
    const row = rows === 0 ? 0 : (to - from) / rows;
    return widen(name, dtype, await readExactly(this.source, from + top * row, from + bottom * row));
  }
}

/** @throws {HeedError} `invalid-argument` for a file that is no safetensors file, naming what is wrong with it */
export async function openSafetensors(source: ByteSource): Promise<Safetensors> {
  const { name, size } = source;
  const prefix = await readExactly(source, 0, Math.min(prefixBytes, size));
  const length = headerLength(name, size, prefix);
  const header = await readExactly(source, prefixBytes, prefixBytes + length);
  return new Safetensors(source, readHeader(name, size, header));
}
