/**
 * Weights from files into the module, slice by slice: at no time is more than two slices of a model in memory twice.
 *
 * While one slice is written the next is read. A slice is whole rows, at most about 2 MB.
 */
import { readExactly } from "./byte-source.js";
import { weightTypes, type WeightPlace, type WeightType } from "./weight-files.js";

/** Whole rows of one tensor. */
export interface WeightSlice {
  name: string;
  first: number;
  rows: number;
  type: WeightType;
  /** Dense numbers of that type, as the file has them. */
  bytes: Uint8Array;
  /** Of I8: the bytes of (rows) F32. */
  scales: Uint8Array | undefined;
}

const sliceBytes = 2 ** 21;

/** Rows of a slice of this tensor. */
function rowsAtOnce({ columns, type }: WeightPlace): number {
  return Math.max(1, Math.floor(sliceBytes / (columns * weightTypes[type])));
}

async function readSlice(place: WeightPlace, first: number): Promise<WeightSlice> {
  const { name, columns, type, source, from, scales } = place;
  const rows = Math.min(rowsAtOnce(place), place.rows - first);
  const row = columns * weightTypes[type];
  // Scales first: in files that are written for it they lie before the levels, and are read in order.
  const scale = scales && (await readExactly(scales.source, scales.from + first * 4, scales.from + (first + rows) * 4));
  const bytes = await readExactly(source, from + first * row, from + (first + rows) * row);
  return { name, first, rows, type, bytes, scales: scale };
}

function* slicesOf(places: readonly WeightPlace[]): Generator<[WeightPlace, number]> {
  for (const place of places) {
    for (let first = 0; first < place.rows; first += rowsAtOnce(place)) yield [place, first];
  }
}

/** Of all tensors, as they lie in the files. */
export function bytesOfWeights(places: readonly WeightPlace[]): number {
  return places.reduce((sum, { rows, columns, type }) => sum + rows * columns * weightTypes[type], 0);
}

/** @throws {HeedError} what reading and `write` throw, or the signal's reason */
export async function streamWeights(
  places: readonly WeightPlace[],
  write: (slice: WeightSlice) => Promise<unknown>,
  { signal, onProgress }: { signal?: AbortSignal | undefined; onProgress?: ((loaded: number) => void) | undefined },
): Promise<void> {
  let loaded = 0;
  let writing: Promise<unknown> = Promise.resolve();
  try {
    for (const [place, first] of slicesOf(places)) {
      signal?.throwIfAborted();
      const slice = await readSlice(place, first);
      await writing;
      onProgress?.((loaded += slice.bytes.length));
      writing = write(slice);
      // A failure is met at the next turn; until then nobody else may hear of it.
      writing.catch(() => undefined);
    }
  } finally {
    await writing;
  }
  signal?.throwIfAborted();
}
