/**
 * Repeated measurements as spots on one line per method, with the median as a bar and its value beside it: a reader
 * sees the spread, not only a number.
 */
import * as Plot from "@observablehq/plot";
import { hover, readable } from "./hover.js";
import { ink, plotStyle, seriesColors } from "./palette.js";

export interface SpotsOptions<Row> {
  rows: readonly Row[];
  /** Column of the measured numbers. */
  x: { value: string; label: string; unit: string };
  /** Column that names the method. */
  y: { value: string };
  width: number;
  ariaLabel?: string;
}

export function spots<Row extends object>({
  rows,
  x,
  y,
  width,
  ariaLabel,
}: SpotsOptions<Row>): SVGSVGElement | HTMLElement {
  const column = (row: Row, name: string): unknown => (row as Record<string, unknown>)[name];
  const methods = [...new Set(rows.map((row) => String(column(row, y.value))))];
  const longest = Math.max(4, ...methods.map((method) => method.length));
  return Plot.plot({
    width,
    height: 70 + 56 * Math.max(1, methods.length),
    marginLeft: 14 + Math.ceil(longest * 6.8),
    marginRight: 70,
    marginBottom: 44,
    style: plotStyle,
    ariaLabel: ariaLabel ?? x.label,
    x: {
      label: x.label,
      labelAnchor: "center",
      labelArrow: "none",
      zero: true,
      grid: true,
      nice: true,
      ticks: width < 520 ? 4 : 7,
    },
    color: { domain: methods, range: seriesColors.slice(0, methods.length) },
    y: { label: null, domain: methods, tickSize: 0, padding: 0.4 },
    marks: [
      Plot.dot(rows, {
        x: x.value,
        y: y.value,
        r: 5,
        fill: y.value,
        fillOpacity: 0.35,
      }),
      Plot.tickX(
        rows,
        Plot.groupY({ x: "median" }, { x: x.value, y: y.value, stroke: y.value, strokeWidth: 3 } as Plot.TickXOptions),
      ),
      Plot.text(
        rows,
        Plot.groupY({ x: "median", text: (values: number[]) => `${middle(values).toPrecision(3)} ${x.unit}` }, {
          x: x.value,
          y: y.value,
          text: x.value,
          fill: y.value,
          dy: -20,
          fontWeight: 600,
        } as Plot.TextOptions),
      ),
      Plot.ruleX([0], { stroke: ink.rule }),
      hover(rows, { x: x.value, y: y.value }, (row) => {
        return `${String(column(row, y.value))}: ${readable(column(row, x.value))} ${x.unit}`;
      }),
    ],
  });
}

function middle(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return (sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2;
}
