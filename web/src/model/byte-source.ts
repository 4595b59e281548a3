/** Something whose bytes are read in slices, because a model file does not fit into memory as a whole. */
import { HeedError } from "../errors.js";

/** A file, a Blob, bytes in memory: anything of a known size. */
export interface ByteSource {
  /** Stands in messages. */
  readonly name: string;
  /** In bytes. */
  readonly size: number;
  /** The bytes [from, to), from <= to <= size; all of them, or it throws. */
  read(from: number, to: number): Promise<Uint8Array>;
  /** A file that lies beside this one, where that is known. */
  beside?(name: string): Promise<ByteSource>;
  /** Gives up what is open, if something is. */
  close?(): Promise<void>;
}

/** Bytes in memory, or what a file input gives. */
export function byteSource(name: string, bytes: ArrayBuffer | ArrayBufferView | Blob): ByteSource {
  if (bytes instanceof Blob) {
    const read = async (from: number, to: number) => new Uint8Array(await bytes.slice(from, to).arrayBuffer());
    return { name, size: bytes.size, read };
  }
  const all = ArrayBuffer.isView(bytes)
    ? new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    : new Uint8Array(bytes);
  return { name, size: all.length, read: async (from, to) => all.subarray(from, to) };
}

/** @throws {HeedError} `invalid-argument` when the source has fewer bytes than it claimed */
export async function readExactly(source: ByteSource, from: number, to: number): Promise<Uint8Array> {
  const bytes = await source.read(from, to);
  if (bytes.length === to - from) return bytes;
  throw new HeedError(
    "invalid-argument",
    `${source.name} gave ${bytes.length} bytes at ${from}, where ${to - from} were asked for; it changed or is cut off`,
  );
}
