/** The few sums that cells need, over arrays of numbers of any kind. All in double. */

export function mean(values: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < values.length; ++i) sum += values[i]!;
  return values.length === 0 ? Number.NaN : sum / values.length;
}

export function quantile(values: ArrayLike<number>, share: number): number {
  const sorted = Float64Array.from(values).sort();
  if (sorted.length === 0) return Number.NaN;
  const position = share * (sorted.length - 1);
  const below = Math.floor(position);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below]! + (position - below) * (sorted[above]! - sorted[below]!);
}

export function median(values: ArrayLike<number>): number {
  return quantile(values, 0.5);
}

/** ‖approximate − exact‖_F / ‖exact‖_F */
export function relativeError(approximate: ArrayLike<number>, exact: ArrayLike<number>): number {
  if (approximate.length !== exact.length) {
    throw new RangeError(`the arrays differ in length: ${approximate.length} and ${exact.length}`);
  }
  let difference = 0;
  let size = 0;
  for (let i = 0; i < exact.length; ++i) {
    difference += (approximate[i]! - exact[i]!) ** 2;
    size += exact[i]! ** 2;
  }
  return Math.sqrt(difference / size);
}
