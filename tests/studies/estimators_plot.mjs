// The figure of README.md: the table of estimators.mjs, error over k, one panel per layer.
//
//   node tests/studies/estimators_plot.mjs       writes tests/studies/estimators.svg
//
// Both axes are logarithmic. The lines are labelled directly, once, in the last panel.

import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

import { budgets, estimators, layers, measure } from "./estimators.mjs";

const panel = { width: 190, height: 210, gap: 26 };
const margin = { left: 52, top: 34, right: 104, bottom: 44 };
const errors = { lowest: 0.02, highest: 1 };
const ticks = [0.02, 0.05, 0.1, 0.2, 0.5, 1];
/** Colors that stay apart for the color-blind, on light and on dark paper; dashes say it once more. */
const lines = {
  renormalized: { color: "#c2571a", dashes: "" },
  raw: { color: "#7a7a7a", dashes: "2 3" },
  compensated: { color: "#8a5fc7", dashes: "6 3" },
  linear: { color: "#1f7fc4", dashes: "" },
};

const share = (value, from, to) => Math.log(value / from) / Math.log(to / from);
const placeX = (k, at) => margin.left + at * (panel.width + panel.gap) + 12 + share(k, 8, 64) * (panel.width - 24);
const placeY = (error) => margin.top + (1 - share(error, errors.lowest, errors.highest)) * panel.height;
const text = (x, y, words, more = "") => `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" ${more}>${words}</text>`;
const line = (x1, y1, x2, y2) => `<line x1="${x1}" y1="${y1}" x2="${x2}" y2="${y2}" class="grid"/>`;

function drawPanel(rows, layer, at) {
  const left = margin.left + at * (panel.width + panel.gap);
  const bottom = margin.top + panel.height;
  const parts = [text(left + panel.width / 2, margin.top - 12, `layer ${layer}`, 'text-anchor="middle" class="title"')];
  for (const tick of ticks) {
    const y = placeY(tick).toFixed(1);
    parts.push(line(left, y, left + panel.width, y));
    if (at === 0) parts.push(text(left - 8, placeY(tick) + 4, String(tick), 'text-anchor="end"'));
  }
  for (const k of budgets) parts.push(text(placeX(k, at), bottom + 18, String(k), 'text-anchor="middle"'));
  for (const name of estimators) {
    const { color, dashes } = lines[name];
    const points = rows.map((row) => [placeX(row.k, at), placeY(row[name])]);
    const path = points.map((point) => point.map((number) => number.toFixed(1)).join(",")).join(" ");
    parts.push(
      `<polyline points="${path}" fill="none" stroke="${color}" stroke-width="2" stroke-dasharray="${dashes}"/>`,
    );
    for (const [x, y] of points)
      parts.push(`<circle cx="${x.toFixed(1)}" cy="${y.toFixed(1)}" r="3" fill="${color}"/>`);
    const [x, y] = points[points.length - 1];
    if (at === layers.length - 1) parts.push(text(x + 10, y + 4, name, `class="label ${name}"`));
  }
  return parts.join("\n");
}

function draw(rows) {
  const width = margin.left + layers.length * (panel.width + panel.gap) - panel.gap + margin.right;
  const height = margin.top + panel.height + margin.bottom;
  const middle = margin.left + (layers.length * (panel.width + panel.gap) - panel.gap) / 2;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img">
<title>Relative error of the output over k, for four estimators, in three layers of a real model</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #3d3a35 } .title { font-weight: 600 } .label { font-weight: 600 }
.grid { stroke: #8884; stroke-width: 1 }
@media (prefers-color-scheme: dark) { text { fill: #d9d5cc } }
${Object.entries(lines)
  .map(([name, { color }]) => `text.${name} { fill: ${color} }`)
  .join("\n")}
</style>
${layers
  .map((layer, at) =>
    drawPanel(
      rows.filter((row) => row.layer === layer),
      layer,
      at,
    ),
  )
  .join("\n")}
${text(middle, height - 8, "keys kept per row, k", 'text-anchor="middle"')}
${text(-(margin.top + panel.height / 2), 14, "relative error of the output", 'text-anchor="middle" transform="rotate(-90)"')}
</svg>
`;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  writeFileSync(new URL("./estimators.svg", import.meta.url), draw(await measure()));
}
