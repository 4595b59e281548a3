/** Rates against flops per byte on logarithmic axes, under the roofs that bandwidth and peak make. */
import * as Plot from "@observablehq/plot";
import { hover, readable } from "./hover.js";
import { plotStyle, seriesColors } from "./palette.js";

export interface Roof {
  name: string;
  /** Highest rate, and what is reached for one flop per byte. */
  peak: number;
  bandwidth: number;
}

/** Where a point lies. */
export interface Placed {
  intensity: number;
  gflops: number;
}

export interface RooflineOptions<Row extends Placed> {
  points: readonly Row[];
  roofs: readonly Roof[];
  /** Points with the same name have the same color and mark. */
  group: (row: Row) => string;
  /** Filled or hollow. */
  filled: (row: Row) => boolean;
  tell: (row: Row) => string;
  width: number;
}

const shapes = ["circle", "triangle", "square", "diamond", "star"] as const;

export function roofline<Row extends Placed>(options: RooflineOptions<Row>): SVGSVGElement | HTMLElement {
  const { points, roofs, group, filled, tell, width } = options;
  const narrow = width < 520;
  const groups = [...new Set(points.map(group))];
  const colorOf = (row: Row): string => seriesColors[groups.indexOf(group(row)) % seriesColors.length]!;
  const [left, right] = extent([...points.map(({ intensity }) => intensity), ...roofs.map(ridge)], 2);
  const [low, high] = extent([...points.map(({ gflops }) => gflops), ...roofs.map(({ peak }) => peak)], 1.6);
  const highest = roofs.reduce((a, b) => (b.peak > a.peak ? b : a));
  const columns = narrow ? 2 : 4;
  const legendLines = Math.ceil(groups.length / columns);
  return Plot.plot({
    width,
    height: Math.round(Math.min(440, Math.max(320, width * 0.55))) + 18 * legendLines,
    ...{ marginTop: 18 + 18 * legendLines, marginRight: 12, marginBottom: 44, marginLeft: 58 },
    style: plotStyle,
    ariaLabel: "Rate against flops per byte, under the roofs of the machine",
    x: { type: "log", domain: [left, right], axis: null },
    y: { type: "log", domain: [low, high], axis: null },
    symbol: { domain: groups, range: shapes.slice(0, groups.length) },
    marks: [
      // A logarithmic scale has its own mind about which ticks get a text, so the texts are given.
      ...[Plot.gridX(decades(left, right)), Plot.gridY(decades(low, high))],
      Plot.axisX(decades(left, right), { ...axisStyle, label: "flops per byte that has to be moved" }),
      Plot.axisY(decades(low, high), { ...axisStyle, label: "GFLOP/s" }),
      ...roofs.flatMap((roof, i) => [
        Plot.line(cornersOf(roof, left, right, low), {
          x: "x",
          y: "y",
          stroke: "var(--text)",
          strokeWidth: 1.5,
          strokeDasharray: i === roofs.length - 1 ? "none" : "5 4",
        }),
        Plot.text([roof], {
          ...{
            x: () => right,
            y: "peak",
            text: "name",
            textAnchor: "end",
            dx: -2,
            dy: roof === highest ? -8 : 10,
            fill: "var(--text)",
          },
          ...{ stroke: "var(--paper)", strokeWidth: 4, paintOrder: "stroke" },
        } as Plot.TextOptions),
      ]),
      Plot.dot(
        points as Row[],
        {
          x: "intensity",
          y: "gflops",
          symbol: group,
          r: 5,
          fill: (row: Row) => (filled(row) ? colorOf(row) : "var(--paper)"),
          stroke: colorOf,
          strokeWidth: 1.75,
        } as Plot.DotOptions,
      ),
      ...groups.flatMap((name, i) => {
        const place = {
          frameAnchor: "top-left" as const,
          dx: 6 + (i % columns) * ((width - 76) / columns),
          dy: -12 - 18 * (legendLines - 1 - Math.floor(i / columns)),
        };
        const color = seriesColors[i % seriesColors.length]!;
        return [
          Plot.dot([name], { ...place, symbol: () => name, r: 5, fill: color } as Plot.DotOptions),
          Plot.text([name], {
            ...{ ...place, dx: place.dx + 11, text: (text: string) => text },
            ...{ textAnchor: "start", lineAnchor: "middle", fill: color, fontWeight: 600 },
          } as Plot.TextOptions),
        ];
      }),
      hover(points, { x: "intensity", y: "gflops" }, (row) =>
        [tell(row), `${readable(row.gflops)} GFLOP/s, ${readable(row.intensity)} flops per byte`].join("\n"),
      ),
    ],
  });
}

/** Where bandwidth suffices for the peak. */
const ridge = ({ peak, bandwidth }: Roof): number => peak / bandwidth;

/** The roof from the left edge, or from where it leaves the bottom, to the right edge. */
function cornersOf({ peak, bandwidth }: Roof, left: number, right: number, low: number): { x: number; y: number }[] {
  const start = Math.max(left, low / bandwidth);
  const corner = peak / bandwidth;
  return [
    { x: start, y: bandwidth * start },
    { x: corner, y: peak },
    { x: right, y: peak },
  ];
}

/** Some room on both sides of the values. */
function extent(values: readonly number[], room: number): [number, number] {
  return [Math.min(...values) / room, Math.max(...values) * room];
}

/** Powers of ten, with 2 and 5 of each where these are few. */
function decades(low: number, high: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const factors = last - first > 3 ? [1] : [1, 2, 5];
  return Array.from({ length: last - first + 1 }, (_, i) => first + i)
    .flatMap((power) => factors.map((factor) => Number((factor * 10 ** power).toPrecision(1))))
    .filter((tick) => tick >= low && tick <= high);
}

const axisStyle = { text: String, labelAnchor: "center", labelArrow: "none" } as const;
