/**
 * A quantity over a plane as tiles, darker for more on a logarithmic scale, each with its number; curves that divide the
 * plane lie over it with their names. Knows nothing of attention.
 */
import * as Plot from "@observablehq/plot";
import { colorTable, cssColor, isDark } from "./color-scale.js";
import { hover, readable } from "./hover.js";
import { plotStyle } from "./palette.js";

export interface FieldAxis {
  value: string;
  label: string;
  ticks?: number[];
}

export interface Curve {
  label: string;
  /** y at x. */
  at: (x: number) => number;
  /** Where the name stands, as an x; above the curve. */
  labelAt: number;
}

export interface FieldOptions<Row> {
  rows: readonly Row[];
  /** Lengths: a logarithmic scale with base 2, tiles one doubling wide. */
  x: FieldAxis;
  /** Tiles `step` high. */
  y: FieldAxis & { step: number };
  /** The quantity, greater than 0. */
  fill: { value: string; label: string };
  curves?: readonly Curve[];
  width: number;
}

export function field<Row extends object>(options: FieldOptions<Row>): SVGSVGElement | HTMLElement {
  const { rows, x, y, fill, curves = [], width } = options;
  const of = (row: Row, column: string): number => (row as Record<string, number>)[column]!;
  const values = rows.map((row) => of(row, fill.value));
  const [least, most] = [Math.min(...values), Math.max(...values)].map(Math.log) as [number, number];
  const table = colorTable(document.documentElement.dataset["appearance"] === "dark" ? "dark" : "light", "color");
  const wordOf = (row: Row): number => {
    const share = most > least ? (Math.log(of(row, fill.value)) - least) / (most - least) : 0;
    return table[Math.round(255 * (0.04 + 0.92 * share))]!;
  };
  const xs = [...new Set(rows.map((row) => of(row, x.value)))].sort((a, b) => a - b);
  const ys = [...new Set(rows.map((row) => of(row, y.value)))].sort((a, b) => a - b);
  const [left, right] = [(xs[0] ?? 1) / Math.SQRT2, (xs.at(-1) ?? 2) * Math.SQRT2];
  const [bottom, top] = [(ys[0] ?? 0) - y.step / 2, (ys.at(-1) ?? 1) + y.step / 2];
  const [marginLeft, marginRight] = [52, 12];
  // Every second length is named where all of their names would run into each other.
  const named = x.ticks ?? xs;
  const room = (width - marginLeft - marginRight) / Math.max(1, xs.length);
  const shown =
    room < 8 * Math.max(...named.map((tick) => String(tick).length)) ? named.filter((_, i) => i % 2 === 0) : named;
  const points = curves.flatMap(({ label, at }) =>
    Array.from({ length: 65 }, (_, i) => left * (right / left) ** (i / 64))
      .map((position) => ({ label, x: position, y: at(position) }))
      .filter((point) => point.y >= bottom && point.y <= top),
  );
  const center = { x: x.value, y: y.value };
  return Plot.plot({
    width,
    height: Math.round(Math.min(520, Math.max(360, width * 0.72))),
    ...{ marginTop: 14, marginRight, marginBottom: 44, marginLeft },
    style: plotStyle,
    ariaLabel: `${fill.label} over ${x.label} and ${y.label}`,
    x: {
      ...{ type: "log", base: 2, domain: [left, right], label: x.label, labelAnchor: "center", labelArrow: "none" },
      ...{ ticks: shown, tickFormat: String },
    },
    y: {
      ...{ domain: [bottom, top], label: y.label, labelAnchor: "center", labelArrow: "none" },
      ...(y.ticks !== undefined && { ticks: y.ticks }),
    },
    marks: [
      Plot.rect(rows as Row[], {
        x1: (row: Row) => of(row, x.value) / Math.SQRT2,
        x2: (row: Row) => of(row, x.value) * Math.SQRT2,
        y1: (row: Row) => of(row, y.value) - y.step / 2,
        y2: (row: Row) => of(row, y.value) + y.step / 2,
        fill: (row: Row) => cssColor(wordOf(row)),
        inset: 0.5,
      }),
      Plot.text(rows as Row[], {
        ...center,
        text: (row: Row) => short(of(row, fill.value)),
        fill: (row: Row) => (isDark(wordOf(row)) ? "#ffffff" : "#14161a"),
        fontSize: width < 520 ? 9 : 11,
      }),
      Plot.line(points, { ...{ x: "x", y: "y", z: "label" }, stroke: "var(--paper)", strokeWidth: 5 }),
      Plot.line(points, { ...{ x: "x", y: "y", z: "label" }, stroke: "var(--accent)", strokeWidth: 2 }),
      Plot.text(
        curves.map(({ label, at, labelAt }) => ({ label, x: labelAt, y: at(labelAt) })),
        {
          ...{ x: "x", y: "y", text: "label", dy: -12, fill: "var(--accent)", fontWeight: 700, fontSize: 12 },
          ...{ stroke: "var(--paper)", strokeWidth: 5, paintOrder: "stroke" },
        },
      ),
      hover(rows, center, (row) =>
        [x, y, fill].map(({ value, label }) => `${label}: ${readable(of(row, value))}`).join("\n"),
      ),
    ],
  });
}

/** At most four characters. */
function short(value: number): string {
  if (value >= 9950) return `${Math.round(value / 1000)}k`;
  if (value >= 995) return `${(value / 1000).toFixed(1)}k`;
  return value >= 9.95 ? String(Math.round(value)) : value.toFixed(1);
}
