// Heat maps of the results pages, drawn as SVG from the committed tables.
//
//   maps({ title, x: {label}, y: {label}, value, panels: [{ title, cells: [{ x, y, value }], marks: [{ x, y }] }] })
//
// Values are from 0 to 1. x and y are categories in their order, cells of one size; marks stand on the x nearest to
// theirs in the logarithm. One hue from pale to dark, so that the order is seen without color, in either color scheme.

import { escaped, perRow, shown, text } from "./figure.mjs";

const panel = { width: 236, height: 150, gap: 34 };
const margin = { left: 58, top: 30, right: 16, bottom: 48 };
const row = { height: panel.height + margin.top + margin.bottom };
/** Pale to dark: light enough for a line on a dark page, dark enough on a white one. */
const hue = (value) => `hsl(212 62% ${(93 - 68 * value).toFixed(0)}%)`;
const distinct = (values) => [...new Set(values)].sort((a, b) => a - b);
const nearest = (values, wanted) =>
  values.reduce((best, each) => (Math.abs(Math.log(each / wanted)) < Math.abs(Math.log(best / wanted)) ? each : best));

function drawPanel({ title, cells, marks = [] }, number, labels) {
  const left = margin.left + (number % perRow) * (panel.width + panel.gap);
  const top = margin.top + Math.floor(number / perRow) * row.height;
  const [xs, ys] = ["x", "y"].map((axis) => distinct(cells.map((cell) => cell[axis])));
  const [width, height] = [panel.width / xs.length, panel.height / ys.length];
  const place = (x, y) => [left + xs.indexOf(x) * width, top + (ys.length - 1 - ys.indexOf(y)) * height];
  const parts = [text(left + panel.width / 2, top - 10, title, 'text-anchor="middle" class="title"')];
  for (const { x, y, value } of cells) {
    const [px, py] = place(x, y);
    const size = `width="${(width + 0.3).toFixed(1)}" height="${(height + 0.3).toFixed(1)}"`;
    parts.push(`<rect x="${px.toFixed(1)}" y="${py.toFixed(1)}" ${size} fill="${hue(value)}"/>`);
  }
  for (const { x, y } of marks.filter(({ x }) => x >= xs[0] && x <= xs.at(-1))) {
    const [px, py] = place(nearest(xs, x), y);
    const [cx, cy] = [px + width / 2, py + height / 2].map((each) => each.toFixed(1));
    parts.push(`<circle cx="${cx}" cy="${cy}" r="4" fill="#ffffff" stroke="#b3440f" stroke-width="2"/>`);
  }
  const every = Math.ceil(xs.length / 6);
  for (const x of xs.filter((_, i) => i % every === 0)) {
    parts.push(text(place(x, ys[0])[0] + width / 2, top + panel.height + 16, shown(x), 'text-anchor="middle"'));
  }
  parts.push(text(left + panel.width / 2, top + panel.height + 33, labels.x, 'text-anchor="middle"'));
  if (number % perRow === 0) {
    for (const y of ys) parts.push(text(left - 6, place(xs[0], y)[1] + height / 2 + 4, shown(y), 'text-anchor="end"'));
    const middle = `transform="translate(${left - 44} ${top + panel.height / 2}) rotate(-90)" text-anchor="middle"`;
    parts.push(text(0, 0, labels.y, middle));
  }
  return parts.join("\n");
}

function drawScale(label, mark, top) {
  const steps = Array.from({ length: 21 }, (_, i) => i / 20);
  const blocks = steps.map((value, i) => {
    const x = margin.left + 20 + i * 7;
    return `<rect x="${x}" y="${top - 10}" width="7.3" height="12" fill="${hue(value)}"/>`;
  });
  const [end, words] = [margin.left + 20 + 21 * 7, margin.left + 20 + 21 * 7 + 24];
  const circle = `<circle cx="${words + 290}" cy="${top - 4}" r="4" fill="#ffffff" stroke="#b3440f" stroke-width="2"/>`;
  const marked = mark ? [circle, text(words + 302, top, mark)] : [];
  return [text(margin.left, top, "0"), ...blocks, text(end + 6, top, "1"), text(words, top, label), ...marked].join(
    "\n",
  );
}

/** The SVG. `value` and `mark` say what the colors and the circles are. */
export function maps({ title, x, y, value, mark, panels }) {
  const columns = Math.min(panels.length, perRow);
  const width = margin.left + columns * panel.width + (columns - 1) * panel.gap + margin.right;
  const below = Math.ceil(panels.length / perRow) * row.height + 16;
  const drawn = panels.map((each, i) => drawPanel(each, i, { x: x.label, y: y.label }));
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${below + 16}" width="${width}" role="img">
<title>${escaped(title)}</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #3d3a35 } .title { font-weight: 600 } rect { shape-rendering: crispEdges }
@media (prefers-color-scheme: dark) { text { fill: #d9d5cc } }
</style>
${drawn.join("\n")}
${drawScale(value, mark, below)}
</svg>
`;
}
