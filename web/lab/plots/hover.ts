/** What a plot says about the point under the pointer. Keyboards and screen readers have the figure's table instead. */
import * as Plot from "@observablehq/plot";

/** A number as people read it: four digits, no tail of zeros. */
export function readable(value: unknown): string {
  if (typeof value !== "number") return String(value ?? "");
  if (value === 0 || (Math.abs(value) >= 0.001 && Math.abs(value) < 100_000)) {
    return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(4)));
  }
  return value.toExponential(2);
}

export function hover<Row>(
  rows: readonly Row[],
  place: { x: string | ((row: Row) => number); y: string | ((row: Row) => number) },
  tell: (row: Row) => string,
): Plot.Markish {
  return Plot.tip(
    rows as Row[],
    Plot.pointer({
      ...(place as Plot.TipOptions),
      title: tell,
      fill: "var(--paper)",
      stroke: "var(--rule)",
      textPadding: 8,
      fontSize: 12,
      maxRadius: 40,
    } as Plot.TipOptions) as Plot.TipOptions,
  );
}
