/** One mark per row at two of its numbers; color and shape tell groups apart, the diagonal is where both are equal. */
import * as Plot from "@observablehq/plot";
import { hover } from "./hover.js";
import type { Axis } from "./lines.js";
import { plotStyle, seriesColors } from "./palette.js";

export interface ScatterOptions<Row> {
  rows: readonly Row[];
  x: Axis;
  y: Axis;
  /** Column that tells the groups apart. */
  group: string;
  name: (group: unknown) => string;
  tell: (row: Row) => string;
  /** Draw the line x = y, with this name. */
  diagonal?: string;
  width: number;
}

const shapes = ["circle", "triangle", "square", "diamond", "star"] as const;

export function scatter<Row extends object>(options: ScatterOptions<Row>): SVGSVGElement | HTMLElement {
  const { rows, x, y, group, name, tell, diagonal, width } = options;
  const of = (row: Row, column: string): unknown => (row as Record<string, unknown>)[column];
  const groups = [...new Set(rows.map((row) => of(row, group)))];
  const ends = rows.flatMap((row) => [of(row, x.value), of(row, y.value)] as number[]).filter(Number.isFinite);
  const [least, most] = [Math.min(...ends), Math.max(...ends)];
  const scale = ({ label, type = "linear", domain, ticks, tickFormat }: Axis): Plot.ScaleOptions =>
    ({
      ...{ label, type, labelAnchor: "center", labelArrow: "none", nice: true, grid: true },
      ...(domain && { domain }),
      ...(ticks && { ticks }),
      ...(tickFormat && { tickFormat }),
    }) as Plot.ScaleOptions;
  return Plot.plot({
    width,
    height: Math.round(Math.min(440, Math.max(300, width * 0.62))),
    ...{ marginTop: 30, marginRight: 24, marginBottom: 44, marginLeft: 62 },
    style: plotStyle,
    ariaLabel: `${y.label} against ${x.label}`,
    x: scale(x),
    y: scale(y),
    symbol: { domain: groups, range: shapes.slice(0, groups.length) },
    marks: [
      ...(diagonal === undefined
        ? []
        : [
            Plot.line([least, most], {
              x: (d: number) => d,
              y: (d: number) => d,
              stroke: "var(--text-quiet)",
              strokeDasharray: "5 4",
            }),
            Plot.text([most], {
              ...{ x: (d: number) => d, y: (d: number) => d, text: () => diagonal, textAnchor: "end", dx: -10 },
              ...{ fill: "var(--text-quiet)", fontStyle: "italic" },
            }),
          ]),
      Plot.dot(rows as Row[], {
        x: x.value,
        y: y.value,
        symbol: group,
        r: 5,
        fill: (row: Row) => seriesColors[groups.indexOf(of(row, group)) % seriesColors.length]!,
        stroke: "var(--paper)",
        strokeWidth: 1,
      }),
      // The names of the groups stand above the frame, each in its own color and with its own mark.
      ...groups.flatMap((one, i) => {
        const place = {
          frameAnchor: "top-left" as const,
          dy: -18,
          dx: 6 + i * Math.min(110, (width - 90) / groups.length),
        };
        return [
          Plot.dot([one], {
            ...place,
            symbol: () => one,
            r: 5,
            fill: seriesColors[i % seriesColors.length]!,
          } as Plot.DotOptions),
          Plot.text([name(one)], {
            ...place,
            ...{ text: (text: string) => text, dx: place.dx + 12, textAnchor: "start", lineAnchor: "middle" },
            ...{ fill: seriesColors[i % seriesColors.length]!, fontWeight: 600 },
          } as Plot.TextOptions),
        ];
      }),
      hover(rows, { x: x.value, y: y.value }, tell),
    ],
  });
}
