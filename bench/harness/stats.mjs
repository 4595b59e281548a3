// What a row of samples says: the median, because a neighbor on the machine makes single samples slow and never fast,
// and the quartiles, because a median alone hides how much it could have been otherwise.

import { uniform } from "./inputs.mjs";

/** The value below which a share of the numbers lies, linear between neighbors. */
export function quantile(numbers, share) {
  if (numbers.length === 0) throw new RangeError("a quantile needs at least one number");
  const sorted = [...numbers].sort((a, b) => a - b);
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const above = Math.min(below + 1, sorted.length - 1);
  return sorted[below] + (place - below) * (sorted[above] - sorted[below]);
}

export const median = (numbers) => quantile(numbers, 0.5);

/** Median, quartiles, extremes and how many samples there were. */
export function summarize(numbers) {
  return {
    median: median(numbers),
    p25: quantile(numbers, 0.25),
    p75: quantile(numbers, 0.75),
    least: Math.min(...numbers),
    most: Math.max(...numbers),
    samples: numbers.length,
  };
}

const resamples = 1000;
const confidence = 0.95;

/**
 * Where the median would lie in 95 of 100 repetitions, by the bootstrap: the quantiles of the medians of `resamples`
 * draws with replacement. Always the same for the same numbers.
 */
export function medianInterval(numbers) {
  const random = uniform(numbers.length);
  const draw = () => numbers[Math.floor(random() * numbers.length)];
  const medians = Array.from({ length: resamples }, () => median(numbers.map(draw)));
  return [quantile(medians, (1 - confidence) / 2), quantile(medians, (1 + confidence) / 2)];
}
