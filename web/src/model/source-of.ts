/** What a caller passes as a file, to something that is read by slices. */
import { HeedError, reasonOf } from "../errors.js";
import { shown } from "../check/names.js";
import { byteSource, readExactly, type ByteSource } from "./byte-source.js";

/** Opens an address, or in Node a path. @throws {HeedError} `load-failed`, `invalid-argument` */
export type OpenAddress = (address: URL | string, signal: AbortSignal | undefined) => Promise<ByteSource>;

/** @throws {HeedError} `invalid-argument` for what is no file, `load-failed` for one that cannot be opened */
export async function sourceOf(
  name: string,
  value: unknown,
  open: OpenAddress,
  signal: AbortSignal | undefined,
): Promise<ByteSource> {
  if (value instanceof Blob) {
    const ownName = "name" in value && typeof value.name === "string" && value.name !== "" ? value.name : name;
    return byteSource(ownName, value);
  }
  if (value instanceof ArrayBuffer || value instanceof Uint8Array) return byteSource(name, value);
  if (value instanceof URL || typeof value === "string") return open(value, signal);
  throw new HeedError(
    "invalid-argument",
    `${name} is ${shown(value)}; a Blob, an ArrayBuffer, a Uint8Array, a URL, or in Node a path is needed`,
  );
}

/** Largest files of JSON that are read, in bytes: tokenizers of a million words have some 50 MB. */
export const largestJson = { config: 1_000_000, tokenizer: 200_000_000, tokenizerConfig: 10_000_000 } as const;

const isFile = (value: unknown): boolean =>
  value instanceof Blob ||
  value instanceof ArrayBuffer ||
  ArrayBuffer.isView(value) ||
  value instanceof URL ||
  typeof value === "string";

/** The bytes of a file of JSON, or what was parsed already. */
export async function jsonSource(
  name: keyof typeof largestJson,
  value: unknown,
  open: OpenAddress,
  signal: AbortSignal | undefined,
): Promise<{ bytes: Uint8Array } | { parsed: unknown }> {
  if (!isFile(value)) return { parsed: value };
  const source = await sourceOf(name, value, open, signal);
  try {
    if (source.size > largestJson[name]) {
      throw new HeedError(
        "invalid-argument",
        `${name} has ${source.size} bytes; at most ${largestJson[name]} are read`,
      );
    }
    return { bytes: await readExactly(source, 0, source.size) };
  } finally {
    await source.close?.();
  }
}

/** @throws {HeedError} `invalid-argument` */
export function parseJson(name: string, file: { bytes: Uint8Array } | { parsed: unknown }): unknown {
  if ("parsed" in file) return file.parsed;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(file.bytes));
  } catch (error) {
    throw new HeedError("invalid-argument", `${name} is no JSON: ${reasonOf(error)}`, { cause: error });
  }
}
