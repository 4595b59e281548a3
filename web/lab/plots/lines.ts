/**
 * Columns in, a line plot out: one line per series with its name at its end, axis titles with units, powers of ten
 * where a scale is logarithmic. Knows nothing of attention. `marks` adds what a figure needs beyond that.
 */
import * as Plot from "@observablehq/plot";
import { plotStyle, seriesColors } from "./palette.js";
import { hover, readable } from "./hover.js";
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
  /** Column of what theory says at the same x: a dashed line for each series, with its name on one of them. */
  theory?: { value: string; label: string };
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
    theory,
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
      ...(theory === undefined ? [] : theoryLines(rows, x.value, theory, series)),
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
      hover(rows, { x: x.value, y: y.value }, (row) =>
        [
          ...(series === undefined ? [] : [name((row as Record<string, unknown>)[series])]),
          `${x.label}: ${readable(value(row, x.value))}`,
          `${y.label}: ${readable(value(row, y.value))}`,
          ...(theory === undefined ? [] : [`${theory.label}: ${readable(value(row, theory.value))}`]),
        ].join("\n"),
      ),
    ],
  });
}

/** Dashed and grey, so that what was measured stands before it; named where its first curve is in the middle. */
function theoryLines<Row extends object>(
  rows: readonly Row[],
  x: string,
  { value, label }: { value: string; label: string },
  series: string | undefined,
): Plot.Markish[] {
  const drawn = rows.filter((row) => Number.isFinite((row as Record<string, number>)[value]));
  const first = drawn.filter((row) => {
    const group = (one: Row): unknown => (series === undefined ? undefined : (one as Record<string, unknown>)[series]);
    return group(row) === group(drawn[0]!);
  });
  const middle = [...first].sort((a, b) => (a as Record<string, number>)[x]! - (b as Record<string, number>)[x]!);
  return [
    Plot.line(drawn as Row[], {
      x,
      y: value,
      ...(series !== undefined && { z: series }),
      stroke: "var(--text-quiet)",
      strokeDasharray: "5 4",
      curve: "monotone-x",
    }),
    Plot.text(middle.slice(middle.length >> 1, (middle.length >> 1) + 1), {
      ...{ x, y: value, text: () => label, dy: -12, fill: "var(--text-quiet)", fontStyle: "italic" },
      ...{ stroke: "var(--paper)", strokeWidth: 4, paintOrder: "stroke" },
    }),
  ];
}

function scale(axis: Axis, narrow: boolean, values: readonly number[]): Plot.ScaleOptions {
  const { label, type = "linear", domain } = axis;
  const decades = type === "log" && axis.ticks === undefined ? roundSteps(values) : undefined;
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

/** Where a logarithmic scale is read from: the powers of ten within the values, and 2 and 5 of each if these are few. */
function roundSteps(values: readonly number[]): number[] | undefined {
  const logs = values.filter((value) => value > 0 && Number.isFinite(value)).map(Math.log10);
  if (logs.length === 0) return undefined;
  const [least, most] = [Math.min(...logs), Math.max(...logs)];
  const decades = Array.from({ length: Math.floor(most) - Math.floor(least) + 1 }, (_, i) => Math.floor(least) + i);
  const factors = Math.floor(most) - Math.ceil(least) >= 2 ? [1] : [1, 2, 5];
  return decades
    .flatMap((decade) => factors.map((factor) => factor * 10 ** decade))
    .filter((step) => Math.log10(step) >= least - 1e-9 && Math.log10(step) <= most + 1e-9);
}

function decimal(value: number): string {
  return value >= 0.001 ? String(Number(value.toPrecision(1))) : value.toExponential(0);
}
