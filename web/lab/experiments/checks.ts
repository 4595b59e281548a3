/** The few shapes that a check takes: the row that is farthest off decides, and the reader is told which it was. */
import type { Verdict } from "./experiment.js";

export function largestBy<Row>(rows: readonly Row[], measure: (row: Row) => number): Row | undefined {
  return rows.reduce<Row | undefined>(
    (best, row) => (best === undefined || measure(row) > measure(best) ? row : best),
    undefined,
  );
}

/** Is `measure` at most `limit` in every row? Undecided without rows. */
export function atMost<Row>(
  rows: readonly Row[],
  measure: (row: Row) => number,
  limit: number,
  tell: (row: Row) => string,
): Verdict | undefined {
  const worst = largestBy(rows, measure);
  if (worst === undefined) return undefined;
  return { holds: measure(worst) <= limit, detail: `farthest off: ${tell(worst)}` };
}

export interface Trend<Row> {
  /** Rows of equal group are compared, in the order of `x`. */
  group?: (row: Row) => unknown;
  x: (row: Row) => number;
  y: (row: Row) => number;
  /** The largest step against the direction that still counts as none. */
  tolerance: number;
  tell: (row: Row) => string;
}

/** Does y never fall (or never rise) from one x to the next? Undecided when no group has two rows. */
export function never<Row>(
  what: "falls" | "rises",
  rows: readonly Row[],
  { group = () => 0, x, y, tolerance, tell }: Trend<Row>,
): Verdict | undefined {
  const groups = new Map<unknown, Row[]>();
  for (const row of rows) groups.set(group(row), [...(groups.get(group(row)) ?? []), row]);
  const steps = [...groups.values()].flatMap((own) => {
    const sorted = [...own].sort((a, b) => x(a) - x(b));
    return sorted.slice(1).map((row, i) => [sorted[i]!, row] as const);
  });
  if (steps.length === 0) return undefined;
  const sign = what === "falls" ? 1 : -1;
  const against = steps.find(([before, after]) => sign * (y(before) - y(after)) > tolerance);
  return against === undefined
    ? { holds: true, detail: `${steps.length} steps checked` }
    : { holds: false, detail: `from ${tell(against[0])} to ${tell(against[1])}` };
}

export function percent(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}

/** Three digits, without an exponent where people need none. */
export function number(value: number): string {
  return Math.abs(value) >= 1000 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}

/** The same for a difference: its sign is always there. */
export function signed(value: number): string {
  return `${value < 0 ? "" : "+"}${number(value)}`;
}
