/**
 * The header of a safetensors file: its length in 8 little-endian bytes, that many bytes of JSON with one entry per
 * tensor, then the numbers, one tensor after the other without gaps.
 *
 * The file is somebody else's: nothing in it is believed before it is checked, and nothing is allocated by its word.
 */
import { HeedError, reasonOf } from "../errors.js";
import { shown, shownJson } from "../check/names.js";

/** Bytes per number of each type that the format names. */
const bytesOf = {
  ...{ BOOL: 1, U8: 1, I8: 1, F8_E5M2: 1, F8_E4M3: 1, I16: 2, U16: 2, F16: 2, BF16: 2 },
  ...{ I32: 4, U32: 4, F32: 4, I64: 8, U64: 8, F64: 8 },
} as const;

/** A type of number, by the format's name. */
export type TensorType = keyof typeof bytesOf;

/** Where a tensor lies. */
export interface TensorEntry {
  /** As the file names it. */
  readonly dtype: TensorType;
  /** Outermost dimension first. */
  readonly shape: readonly number[];
  /** Numbers in it. */
  readonly length: number;
  /** Bytes of the file: [from, to). */
  readonly from: number;
  /** First byte after the tensor, in the file. */
  readonly to: number;
}

/** The format's own limit. */
const largestHeader = 100_000_000;
/** Bytes before the header. */
export const prefixBytes = 8;

function refuse(message: string): never {
  throw new HeedError("invalid-argument", message);
}

/** The length of the header, from the first 8 bytes. @throws {HeedError} `invalid-argument` */
export function headerLength(file: string, fileBytes: number, prefix: Uint8Array): number {
  if (fileBytes < prefixBytes + 2) refuse(`${file} has ${fileBytes} bytes; a safetensors file has at least 10`);
  const length = new DataView(prefix.buffer, prefix.byteOffset, prefix.byteLength).getBigUint64(0, true);
  if (length >= 2n && length <= BigInt(Math.min(largestHeader, fileBytes - prefixBytes))) return Number(length);
  return refuse(
    `the header of ${file} claims ${length} bytes in a file of ${fileBytes}; at least 2, at most ${largestHeader} ` +
      "and no more than the file has are legal (is it a safetensors file?)",
  );
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

function parse(file: string, header: Uint8Array): object {
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(header));
  } catch (error) {
    refuse(`the header of ${file} is no JSON: ${reasonOf(error)}`);
  }
  if (typeof parsed === "object" && parsed !== null && !Array.isArray(parsed)) return parsed;
  return refuse(`the header of ${file} is ${shown(parsed)}; a JSON object is needed`);
}

function entryOf(where: string, value: unknown, start: number): TensorEntry {
  if (typeof value !== "object" || value === null) refuse(`${where} is ${shown(value)}; an object is needed`);
  const { dtype, shape, data_offsets: offsets } = value as Record<string, unknown>;
  if (typeof dtype !== "string" || !Object.hasOwn(bytesOf, dtype)) {
    refuse(`the dtype of ${where} is ${shown(dtype)}; one of ${Object.keys(bytesOf).join(", ")} is needed`);
  }
  if (!Array.isArray(shape) || !shape.every(isCount)) {
    refuse(`the shape of ${where} is ${shownJson(shape)}; an array of integers of at least 0 is needed`);
  }
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    refuse(`the data_offsets of ${where} are ${shownJson(offsets)}; two integers of at least 0 are needed`);
  }
  const [from, to] = offsets as [number, number];
  const length = shape.reduce((product, size) => product * size, 1);
  const bytes = length * bytesOf[dtype as TensorType];
  // A product that is not exact is beyond every offset.
  if (!Number.isSafeInteger(bytes) || to - from !== bytes) {
    refuse(
      `${where} has the shape ${shownJson(shape)} of ${dtype}, ${bytes} bytes, and the data_offsets ${from} and ` +
        `${to}; they must be as far apart`,
    );
  }
  return { dtype: dtype as TensorType, shape, length, from: start + from, to: start + to };
}

/** Tensors must follow each other to the end of the file. */
function checkLayout(file: string, fileBytes: number, start: number, tensors: Map<string, TensorEntry>): void {
  let end = start;
  for (const [whole, { from, to }] of [...tensors].sort(([, a], [, b]) => a.from - b.from || a.to - b.to)) {
    const name = whole.slice(0, 100);
    if (from < end)
      refuse(`${name} of ${file} starts at byte ${from}, inside the tensor before it, which ends at ${end}`);
    if (from > end) refuse(`${name} of ${file} starts at byte ${from}, but the tensor before it ends at ${end}`);
    if (to > fileBytes) refuse(`${name} of ${file} ends at byte ${to}, but the file has ${fileBytes}; it is cut off`);
    end = to;
  }
  if (end !== fileBytes) refuse(`the tensors of ${file} end at byte ${end}, but the file has ${fileBytes}`);
}

/** Every tensor by name. `header` are the bytes after the first 8. @throws {HeedError} `invalid-argument` */
export function readHeader(file: string, fileBytes: number, header: Uint8Array): Map<string, TensorEntry> {
  const start = prefixBytes + header.length;
  const tensors = new Map<string, TensorEntry>();
  for (const [name, value] of Object.entries(parse(file, header))) {
    if (name !== "__metadata__") tensors.set(name, entryOf(`${shownJson(name)} of ${file}`, value, start));
  }
  checkLayout(file, fileBytes, start, tensors);
  return tensors;
}
