/**
 * A small table as colored tiles: rows and columns by name, each tile with its text. Blue is good for one side, orange for
 * the other, nothing where they are even; the text says the same without color.
 */
import * as Plot from "@observablehq/plot";
import { plotStyle } from "./palette.js";

export interface GridOptions<Row> {
  rows: readonly Row[];
  x: { value: string; label: string | null };
  y: { value: string; label: string | null };
  text: (row: Row) => string;
  /** From -1 (orange) over 0 (none) to 1 (blue). */
  side: (row: Row) => number;
  width: number;
  ariaLabel: string;
}

export function grid<Row extends object>(options: GridOptions<Row>): SVGSVGElement | HTMLElement {
  const { rows, x, y, text, side, width, ariaLabel } = options;
  const names = (column: string): string[] => [
    ...new Set(rows.map((row) => String((row as Record<string, unknown>)[column]))),
  ];
  const [columns, lines] = [names(x.value), names(y.value)];
  const longest = Math.max(3, ...lines.map((name) => name.length));
  const marginLeft = 20 + Math.ceil(6.6 * longest);
  // Names that are wider than their columns stand at a slant.
  const widest = 6.6 * Math.max(...columns.map((name) => name.length));
  const slanted = widest > (width - marginLeft) / columns.length;
  const marginTop = slanted ? 24 + Math.ceil(0.6 * widest) : 34;
  return Plot.plot({
    width,
    height: marginTop + 26 + 38 * lines.length,
    ...{ marginTop, marginRight: slanted ? Math.ceil(0.5 * widest) : 4, marginBottom: 10, marginLeft },
    style: plotStyle,
    ariaLabel,
    x: { domain: columns, axis: "top", label: x.label, tickSize: 0, padding: 0.03, tickRotate: slanted ? -35 : 0 },
    y: { domain: lines, label: y.label, tickSize: 0, padding: 0.06 },
    marks: [
      Plot.cell(rows as Row[], {
        x: (row: Row) => String((row as Record<string, unknown>)[x.value]),
        y: (row: Row) => String((row as Record<string, unknown>)[y.value]),
        fill: (row: Row) => (side(row) >= 0 ? "var(--series-1)" : "var(--series-2)"),
        fillOpacity: (row: Row) => 0.55 * Math.min(1, Math.abs(side(row))),
        stroke: "var(--rule)",
        rx: 3,
      }),
      Plot.text(rows as Row[], {
        x: (row: Row) => String((row as Record<string, unknown>)[x.value]),
        y: (row: Row) => String((row as Record<string, unknown>)[y.value]),
        text,
        fill: "var(--text)",
        fontSize: width < 520 ? 11 : 12.5,
      }),
    ],
  });
}
