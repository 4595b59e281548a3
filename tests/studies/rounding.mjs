// Numbers with fewer bits, emulated in doubles: x to the nearest number of a format, ties to even.

/** precision: bits of the significand; least: exponent of the smallest normal number; most: the largest number. */
export const formats = {
  f32: { precision: 24, least: -126, most: (2 - 2 ** -23) * 2 ** 127 },
  f16: { precision: 11, least: -14, most: 65504 },
  bf16: { precision: 8, least: -126, most: (2 - 2 ** -7) * 2 ** 127 },
  /** e4m3: without infinities, so what is too large becomes the largest. */
  fp8: { precision: 4, least: -6, most: 448, saturates: true },
};

const view = new DataView(new ArrayBuffer(8));

/** floor(log2 |x|) of a normal double. */
function exponentOf(x) {
  view.setFloat64(0, x);
  return ((view.getUint32(0) >>> 20) & 2047) - 1023;
}

function nearestWhole(x) {
  const low = Math.floor(x);
  const rest = x - low;
  if (rest !== 0.5) return rest < 0.5 ? low : low + 1;
  return low % 2 === 0 ? low : low + 1;
}

export function roundTo({ precision, least, most, saturates }, x) {
  if (x === 0 || !Number.isFinite(x)) return x;
  const unit = 2 ** (Math.max(exponentOf(x), least) - precision + 1);
  const rounded = nearestWhole(x / unit) * unit;
  if (Math.abs(rounded) <= most) return rounded;
  return Math.sign(rounded) * (saturates ? most : Infinity);
}
