/**
 * Names the lines of a plot at their right ends, where a reader looks for them. Labels that would lie on each other are
 * moved apart: sorted by height, each at least one line below the one before, then the whole stack is moved up if it
 * left the frame.
 */
import * as Plot from "@observablehq/plot";

const lineHeight = 15;

export interface EndLabel {
  x: number;
  y: number;
  text: string;
  color: string;
  /** Set stronger and a little larger. */
  strong: boolean;
}

/** Two marks, because a text mark has one weight; both know all labels, so that none lies on another. */
export function labelEnds(ends: readonly EndLabel[]): Plot.Markish[] {
  return [false, true].map((strong) =>
    Plot.text(
      ends,
      Plot.initializer(
        {
          x: "x",
          y: "y",
          text: "text",
          fill: (end: EndLabel) => end.color,
          textAnchor: "start",
          dx: 8,
          fontWeight: strong ? 700 : 600,
          fontSize: strong ? 13 : 12,
          stroke: "var(--paper)",
          strokeWidth: 4,
          paintOrder: "stroke",
        },
        (_data, facets, { x, y }, { x: scaleX, y: scaleY }, { marginTop, height, marginBottom }) => {
          const xs = Array.from(positions(x), (value) => (scaleX as (value: number) => number)(value));
          const wanted = Array.from(positions(y), (value) => (scaleY as (value: number) => number)(value));
          const ys = spread(wanted, marginTop, height - marginBottom);
          const own = Array.from(facets!, (facet) => Array.from(facet).filter((i) => ends[i]!.strong === strong));
          return { facets: own, channels: { x: { value: xs }, y: { value: ys } } };
        },
      ) as Plot.TextOptions,
    ),
  );
}

function positions(channel: Plot.Channel | undefined): ArrayLike<number> {
  return (channel?.value ?? []) as unknown as ArrayLike<number>;
}

/** The same heights, moved as little as this simple rule needs so that any two are a line apart. */
export function spread(wanted: readonly number[], top: number, bottom: number): number[] {
  const order = wanted.map((_, i) => i).sort((a, b) => wanted[a]! - wanted[b]!);
  const placed = [...wanted];
  let free = top;
  for (const i of order) {
    placed[i] = Math.max(wanted[i]!, free);
    free = placed[i]! + lineHeight;
  }
  let limit = bottom;
  for (const i of order.reverse()) {
    placed[i] = Math.min(placed[i]!, limit);
    limit = placed[i]! - lineHeight;
  }
  return placed;
}
