/** The attention policies of study E21, and laws k = alpha n^C that cost what a fixed k costs. */
import type { AttentionPolicy, Estimator, Keep } from "heed";

/** One policy with the name that tables know it by. */
export interface NamedPolicy {
  /** How many entries a row keeps: "exact", "k=8", "3n^0.25", "ln 4096", "mass=0.9", "threshold=0.01", "window=252+4". */
  name: string;
  /** What becomes of the others; "" where none are dropped but by a window. */
  estimator: Estimator | "";
  attention: AttentionPolicy;
  /** Entries that row i keeps, i tokens being seen; undefined where that depends on the scores. */
  entries?: (i: number) => number;
}

/** The fixed window that everything of equal cost is held against. */
export const fixedEntries = 8;
/** C of the paper's law: its own 1/1000, which is a fixed window in disguise, and three that are not. */
export const exponents = [0.001, 0.25, 0.5, 0.75] as const;
/** First tokens that the window policy keeps beside the latest ones, as StreamingLLM does. */
const sinks = 4;

const least = (i: number, k: number) => Math.min(i, Math.max(1, Math.ceil(k - 1e-9)));

/** Entries of all rows of texts of these lengths. */
export function costOf(entries: (i: number) => number, lengths: readonly number[]): number {
  let cost = 0;
  for (const n of lengths) for (let i = 1; i <= n; ++i) cost += entries(i);
  return cost;
}

/** alpha with which alpha n^exponent costs over `lengths` what `entries` does; by bisection, to one in a thousand. */
export function alphaAtCost(exponent: number, entries: (i: number) => number, lengths: readonly number[]): number {
  const wanted = costOf(entries, lengths);
  let [low, high] = [1e-6, 1e6];
  while (high / low > 1.0005) {
    const alpha = Math.sqrt(low * high);
    if (costOf((i) => least(i, alpha * i ** exponent), lengths) < wanted) low = alpha;
    else high = alpha;
  }
  return high;
}

const counted = (name: string, keep: Keep, estimator: Estimator, entries: (i: number) => number): NamedPolicy => ({
  ...{ name, estimator, entries },
  attention: { keep, estimator },
});

/** All policies, for texts of these lengths. */
export function policiesOf(lengths: readonly number[]): NamedPolicy[] {
  const fixed = (k: number, estimator: Estimator) => counted(`k=${k}`, { k }, estimator, (i) => least(i, k));
  const longest = Math.max(...lengths);
  const laws = exponents.flatMap((exponent) => {
    const alpha = Number(alphaAtCost(exponent, (i) => least(i, fixedEntries), lengths).toPrecision(4));
    const entries = (i: number) => least(i, alpha * i ** exponent);
    return (["linear", "renormalized"] as const).map((estimator) =>
      counted(`${alpha}n^${exponent}`, { alpha, exponent }, estimator, entries),
    );
  });
  // A row keeps ln of the longest text, which is at least the ln of its own: o(log n) entries do no better.
  const logarithm = Math.ceil(Math.log(longest));
  return [
    { name: "exact", estimator: "", attention: "exact", entries: (i) => i },
    ...(["linear", "compensated", "renormalized", "raw"] as const).map((estimator) => fixed(8, estimator)),
    fixed(64, "linear"),
    fixed(64, "renormalized"),
    ...laws,
    ...(["linear", "renormalized"] as const).map((estimator) =>
      counted(`ln ${longest}`, { k: logarithm }, estimator, (i) => least(i, logarithm)),
    ),
    { name: "mass=0.9", estimator: "renormalized", attention: { keep: { mass: 0.9 }, estimator: "renormalized" } },
    { name: "mass=0.9", estimator: "linear", attention: { keep: { mass: 0.9 }, estimator: "linear" } },
    {
      ...{ name: "threshold=0.01", estimator: "renormalized" },
      attention: { keep: { threshold: 0.01 }, estimator: "renormalized" },
    },
    { name: "threshold=0.01", estimator: "linear", attention: { keep: { threshold: 0.01 }, estimator: "linear" } },
    {
      ...{ name: "window=252+4", estimator: "" },
      attention: { window: 252, sinks },
      entries: (i) => least(i, 256),
    },
  ];
}
