/**
 * Columns in, a line plot out: one line per series with its name at its end, axis titles with units, powers of ten
 * where a scale is logarithmic. Knows nothing of attention. `marks` adds what a figure needs beyond that.
 */
import * as Plot from "@observablehq/plot";
import { plotStyle, seriesColors } from "./palette.js";
import { labelEnds, type EndLabel } from "./label-ends.js";

export interface Axis {
  /** Column of the rows. */
  value: string;
  /** Axis title, with its unit. */
  label: string;
  type?: "linear" | "log";
  /** Of a logarithmic scale: where its ticks lie. Default: 10. */
  base?: number;
  domain?: [number, number];
  ticks?: number | number[];
  tickFormat?: string | ((value: number) => string);
}

export interface LinesOptions<Row> {
  rows: readonly Row[];
  x: Axis;
  y: Axis;
  /** Column that tells the lines apart. */
  series?: string;
  /** Name of a line as the reader sees it. */
  name?: (series: unknown) => string;
  /** The line that the figure is about: drawn stronger and last, the others lighter. */
  emphasis?: unknown;
  width: number;
  height?: number;
  dots?: boolean;
  /** Draw a line through the points. Default: true. */
  connected?: boolean;
  /** What else the figure needs: below the points, and above them. */
  under?: Plot.Markish[];
  marks?: Plot.Markish[];
  ariaLabel?: string;
}

export function lines<Row extends object>(options: LinesOptions<Row>): SVGSVGElement | HTMLElement {
  const {
    rows,
    x,
    y,
    series,
    name = String,
    emphasis,
    width,
    dots = true,
    connected = true,
    under = [],
    marks = [],
    ariaLabel,
  } = options;
  const narrow = width < 520;
  const height = options.height ?? Math.round(Math.min(400, Math.max(260, width * 0.52)));
  const value = (row: Row, column: string): number => (row as Record<string, number>)[column]!;
  const groups = series === undefined ? [] : [...new Set(rows.map((row) => (row as Record<string, unknown>)[series]))];
  const colorOf = (group: unknown): string => seriesColors[groups.indexOf(group) % seriesColors.length]!;
  const strong = (row: Row): boolean => series !== undefined && (row as Record<string, unknown>)[series] === emphasis;
  const plain = emphasis === undefined ? rows : rows.filter((row) => !strong(row));
  const layers = emphasis === undefined ? [plain] : [plain, rows.filter(strong)];
  const stroke =
    series === undefined ? seriesColors[0]! : (row: Row) => colorOf((row as Record<string, unknown>)[series]);

  const ends: EndLabel[] = groups.flatMap((group) => {
    const own = rows.filter(
      (row) => (row as Record<string, unknown>)[series!] === group && Number.isFinite(value(row, y.value)),
    );
    const last = own.reduce<Row | undefined>(
      (best, row) => (best && value(best, x.value) >= value(row, x.value) ? best : row),
      undefined,
    );
    if (last === undefined) return [];
    const strong = emphasis !== undefined && group === emphasis;
    return [{ x: value(last, x.value), y: value(last, y.value), text: name(group), color: colorOf(group), strong }];
  });
  const longest = Math.max(0, ...ends.map((end) => end.text.length));

  return Plot.plot({
    width,
    height,
    marginTop: 14,
    marginLeft: 62,
    marginRight: 20 + Math.ceil(longest * 6.6),
    marginBottom: 44,
    style: plotStyle,
    ariaLabel: ariaLabel ?? `${y.label} against ${x.label}`,
    x: scale(x, narrow, []),
    y: {
      ...scale(
        y,
        narrow,
        rows.map((row) => value(row, y.value)),
      ),
      grid: true,
      // The lowest point of a logarithmic scale would lie on the ticks of the other axis.
      ...(y.type === "log" && { insetBottom: 8 }),
    },
    marks: [
      ...under,
      ...layers.flatMap((layer, i) => [
        ...(connected
          ? [
              Plot.lineY(layer, {
                x: x.value,
                y: y.value,
                ...(series !== undefined && { z: series }),
                stroke,
                strokeWidth: emphasis === undefined ? 2.25 : [1.5, 3.5][i]!,
                strokeLinejoin: "round",
              }),
            ]
          : []),
        ...(dots
          ? [
              Plot.dot(layer, {
                x: x.value,
                y: y.value,
                fill: stroke,
                r: connected ? (emphasis === undefined ? 3 : [2.5, 4.5][i]!) : 4,
                stroke: "var(--paper)",
                strokeWidth: 1.25,
              }),
            ]
          : []),
      ]),
      ...marks,
      ...labelEnds(ends),
    ],
  });
}

function scale(axis: Axis, narrow: boolean, values: readonly number[]): Plot.ScaleOptions {
  const { label, type = "linear", domain } = axis;
  const decades = type === "log" && axis.ticks === undefined ? powersOfTen(values) : undefined;
  const ticks = axis.ticks ?? decades;
  const tickFormat = axis.tickFormat ?? (decades === undefined ? undefined : decimal);
  return {
    label,
    type,
    labelAnchor: "center",
    labelArrow: "none",
    ...(axis.base !== undefined && { base: axis.base }),
    ...(domain !== undefined && { domain }),
    ...(ticks !== undefined ? { ticks } : { ticks: narrow ? 4 : 5 }),
    ...(tickFormat !== undefined && { tickFormat }),
  } as Plot.ScaleOptions;
}

/** The powers of ten within the values; undefined when there are too few to read a scale from. */
function powersOfTen(values: readonly number[]): number[] | undefined {
  const logs = values.filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10);
  if (logs.length === 0) return undefined;
  const [first, last] = [Math.ceil(Math.min(...logs)), Math.floor(Math.max(...logs))];
  return last <= first ? undefined : Array.from({ length: last - first + 1 }, (_, i) => 10 ** (first + i));
}

function decimal(value: number): string {
  return value >= 0.001 ? String(Number(value.toPrecision(1))) : value.toExponential(0);
}
