/**
 * The frame around a picture of a matrix: ticks and titles for the window shown, rows downward. Columns and rows are
 * positions in a sequence, so ticks are round numbers of positions.
 */
import type { Window } from "./max-pool.js";

export const frameMargin = { top: 8, right: 18, bottom: 44, left: 58 };

const namespace = "http://www.w3.org/2000/svg";

export function svgElement<K extends keyof SVGElementTagNameMap>(
  name: K,
  attributes: Record<string, string | number>,
  text?: string,
): SVGElementTagNameMap[K] {
  const element = document.createElementNS(namespace, name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  if (text !== undefined) element.textContent = text;
  return element;
}

export interface FrameTitles {
  column: string;
  row: string;
}

export function matrixFrame(side: number, window: Window, titles: FrameTitles): SVGGElement {
  const { top, left } = frameMargin;
  const group = svgElement("g", { fill: "var(--text-quiet)", "font-size": 12, "font-family": "var(--sans-serif)" });
  group.append(
    svgElement("rect", { x: left, y: top, width: side, height: side, fill: "none", stroke: "var(--rule)" }),
    svgElement("text", { x: left + side / 2, y: top + side + 38, "text-anchor": "middle" }, titles.column),
    svgElement(
      "text",
      { transform: `translate(14 ${top + side / 2}) rotate(-90)`, "text-anchor": "middle" },
      titles.row,
    ),
  );
  for (const tick of ticks(window.column, window.columns)) {
    const x = left + ((tick - window.column) / window.columns) * side;
    group.append(
      svgElement("line", { x1: x, x2: x, y1: top + side, y2: top + side + 5, stroke: "var(--rule)" }),
      svgElement("text", { x, y: top + side + 18, "text-anchor": "middle" }, String(tick)),
    );
  }
  for (const tick of ticks(window.row, window.rows)) {
    const y = top + ((tick - window.row) / window.rows) * side;
    group.append(
      svgElement("line", { x1: left - 5, x2: left, y1: y, y2: y, stroke: "var(--rule)" }),
      svgElement("text", { x: left - 8, y: y + 4, "text-anchor": "end" }, String(tick)),
    );
  }
  return group;
}

/** About five round positions inside [start, start + length]. */
export function ticks(start: number, length: number): number[] {
  const rough = length / 5;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = Math.max(1, [1, 2, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough) ?? 1);
  const found: number[] = [];
  for (let tick = Math.ceil(start / step) * step; tick <= start + length; tick += step) found.push(tick);
  return found;
}
