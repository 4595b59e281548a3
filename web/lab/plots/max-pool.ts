/**
 * A window of a large matrix on few pixels: each pixel shows the largest entry of the block it covers, because
 * attention is a matter of rare large entries, which an average would hide. A block smaller than a pixel is simply
 * enlarged.
 *
 * Cost: one look at every entry of the window. Done in strips, so that the caller can give the page a turn in between.
 */
export interface Window {
  row: number;
  column: number;
  rows: number;
  columns: number;
}

export interface Pooled {
  /** Largest entry of each pixel's block; NaN where the block has none. (height, width) */
  values: Float32Array;
  /** Its place in the matrix, row · columns + column; only where `values` is a number. */
  places: Uint32Array;
  width: number;
  height: number;
}

export function createPooled(width: number, height: number): Pooled {
  return { values: new Float32Array(width * height), places: new Uint32Array(width * height), width, height };
}

/** Fills the pixel rows [from, to). `columns` is the length of a matrix row; entries that are NaN do not exist. */
export function poolStrip(
  matrix: Float32Array,
  columns: number,
  { row, column, rows, columns: across }: Window,
  into: Pooled,
  from: number,
  to: number,
): void {
  const { values, places, width, height } = into;
  for (let y = from; y < to; ++y) {
    const [top, bottom] = block(y, height, row, rows);
    for (let x = 0; x < width; ++x) {
      const [left, right] = block(x, width, column, across);
      let best = Number.NaN;
      let place = 0;
      for (let i = top; i < bottom; ++i) {
        for (let at = i * columns + left, end = i * columns + right; at < end; ++at) {
          const value = matrix[at]!;
          if (value > best || best !== best) {
            best = value;
            place = at;
          }
        }
      }
      values[y * width + x] = best;
      places[y * width + x] = place;
    }
  }
}

/** Entries [first, past) under pixel `pixel`; at least one. */
function block(pixel: number, pixels: number, start: number, length: number): [number, number] {
  const first = start + Math.floor((pixel * length) / pixels);
  const past = start + Math.ceil(((pixel + 1) * length) / pixels);
  return [first, Math.max(first + 1, past)];
}
