// Figures of the results pages: panels of lines over one x, drawn as SVG from the committed tables. maps.mjs has the heat
// maps.
//
//   figure({ title, x: {label, scale}, y: {label, scale, from, to}, panels: [{ title, lines: [{ name, points }] }] })
//
// A point is [x, y] or [x, y, standard error]: then a bar reaches two of them up and down.
// A line keeps its color and its dashes by its place among the names of the whole figure. The colors stay apart for the
// color-blind and have at least 3 : 1 contrast with white and with near-black; text follows the reader's color scheme.

const panel = { width: 236, height: 200, gap: 58 };
const margin = { left: 58, top: 30, right: 16, bottom: 44 };
const row = { height: panel.height + margin.top + margin.bottom };
export const perRow = 3;
const style = [
  { color: "#1f7fc4", dashes: "" },
  { color: "#c2571a", dashes: "" },
  { color: "#8a5fc7", dashes: "6 3" },
  { color: "#2f8f5b", dashes: "2 3" },
  { color: "#b5484f", dashes: "8 3 2 3" },
  { color: "#7a7a7a", dashes: "4 2" },
  { color: "#a67c00", dashes: "1 2" },
  { color: "#2a8c99", dashes: "10 4" },
  { color: "#c0509a", dashes: "3 5" },
  { color: "#5c7a29", dashes: "12 3 3 3" },
];

export const escaped = (words) => String(words).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
const at = (number) => number.toFixed(1);
export const text = (x, y, words, more = "") =>
  `<text x="${at(x)}" y="${at(y)}"${more && ` ${more}`}>${escaped(words)}</text>`;

/** 1234567 as 1.2M, 16384 as 16K where n is a power of two, else at most three digits. */
export function shown(number) {
  if (number >= 1024 && Number.isInteger(number / 1024)) return `${number / 1024}K`;
  if (number !== 0 && (Math.abs(number) < 0.001 || Math.abs(number) >= 1e4)) return number.toExponential(0);
  return String(Number(number.toPrecision(3)));
}

function linearTicks(from, to) {
  const rough = (to - from) / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((factor) => factor * power).find((each) => each >= rough);
  const first = Math.ceil(from / step - 1e-9);
  return Array.from({ length: Math.floor(to / step + 1e-9) - first + 1 }, (_, i) => (first + i) * step);
}

function logTicks(from, to, base) {
  const log = (number) => Math.log(number) / Math.log(base);
  const first = Math.ceil(log(from) - 1e-9);
  const all = Array.from({ length: Math.floor(log(to) + 1e-9) - first + 1 }, (_, i) => base ** (first + i));
  const every = Math.ceil(all.length / 5);
  const few = all.filter((_, i) => i % every === 0);
  return few.length > 1 || base === 2 ? few : logTicks(from, to, 2);
}

/** An axis over `values`: place(value) is 0 at its lower end and 1 at its upper one. */
function axisOf({ scale = "linear", from, to, base = 10 }, values) {
  const log = scale === "log";
  const finite = values.filter((value) => Number.isFinite(value) && (!log || value > 0));
  const [least, most] = [from ?? Math.min(...finite), to ?? Math.max(...finite)];
  const pad = least === most ? Math.abs(least) || 1 : 0;
  const [low, high] = log && pad ? [least / 2, most * 2] : [least - pad, most + pad];
  const onto = log ? Math.log : (value) => value;
  return {
    ticks: log ? logTicks(low, high, base) : linearTicks(low, high),
    place: (value) => (onto(value) - onto(low)) / (onto(high) - onto(low)),
    holds: (value) => Number.isFinite(value) && (!log || value > 0) && value >= low && value <= high,
  };
}

function drawPanel({ title, lines }, number, axes, names, labels) {
  const left = margin.left + (number % perRow) * (panel.width + panel.gap);
  const top = margin.top + Math.floor(number / perRow) * row.height;
  const [x, y] = [
    (value) => left + axes.x.place(value) * panel.width,
    (value) => top + (1 - axes.y.place(value)) * panel.height,
  ];
  const parts = [text(left + panel.width / 2, top - 10, title, 'text-anchor="middle" class="title"')];
  for (const tick of axes.y.ticks) {
    parts.push(
      `<line x1="${left}" y1="${at(y(tick))}" x2="${left + panel.width}" y2="${at(y(tick))}" class="grid"/>`,
      text(left - 6, y(tick) + 4, shown(tick), 'text-anchor="end"'),
    );
  }
  for (const tick of axes.x.ticks)
    parts.push(text(x(tick), top + panel.height + 16, shown(tick), 'text-anchor="middle"'));
  parts.push(text(left + panel.width / 2, top + panel.height + 33, labels.x, 'text-anchor="middle"'));
  if (number % perRow === 0) {
    const middle = `transform="translate(${left - 44} ${top + panel.height / 2}) rotate(-90)" text-anchor="middle"`;
    parts.push(text(0, 0, labels.y, middle));
  }
  for (const { name, points, marks = false } of lines) {
    const { color, dashes } = style[names.indexOf(name) % style.length];
    const inside = points.filter(([px, py]) => axes.x.holds(px) && axes.y.holds(py));
    const places = inside.map(([px, py]) => [at(x(px)), at(y(py))]);
    if (!marks)
      parts.push(
        `<polyline points="${places.map((each) => each.join(",")).join(" ")}" fill="none" stroke="${color}"` +
          ` stroke-width="2" stroke-dasharray="${dashes}"/>`,
      );
    for (const [px, py, error] of inside) {
      if (!(error > 0)) continue;
      // As far as the panel goes: on a logarithmic scale what is below 0 is.
      const [low, high] = [py - 2 * error, py + 2 * error].map((each) =>
        axes.y.holds(each) ? y(each) : top + (each < py ? panel.height : 0),
      );
      parts.push(
        `<line x1="${at(x(px))}" y1="${at(low)}" x2="${at(x(px))}" y2="${at(high)}" stroke="${color}" stroke-width="1.2"/>`,
      );
    }
    for (const [px, py] of places) parts.push(`<circle cx="${px}" cy="${py}" r="${marks ? 3 : 2.4}" fill="${color}"/>`);
  }
  return parts.join("\n");
}

function drawLegend(names, top, width) {
  let [left, line] = [margin.left, 0];
  const parts = names.map((name, i) => {
    const { color, dashes } = style[i % style.length];
    const size = 40 + 7.2 * name.length;
    if (left + size > width - margin.right) [left, line] = [margin.left, line + 1];
    const y = top + line * 20;
    const drawn =
      `<line x1="${at(left)}" y1="${y}" x2="${at(left + 22)}" y2="${y}" stroke="${color}" stroke-width="2"` +
      ` stroke-dasharray="${dashes}"/>\n${text(left + 27, y + 4, name)}`;
    left += size;
    return drawn;
  });
  return { drawn: parts.join("\n"), lines: line + 1 };
}

/** The SVG. x and y may be one for all panels, or a panel may have its own. */
export function figure({ title, x, y, panels }) {
  const names = [...new Set(panels.flatMap(({ lines }) => lines.map(({ name }) => name)))];
  const points = (some) => some.flatMap(({ lines }) => lines.flatMap((each) => each.points));
  const columns = Math.min(panels.length, perRow);
  const width = margin.left + columns * panel.width + (columns - 1) * panel.gap + margin.right;
  const below = Math.ceil(panels.length / perRow) * row.height + 12;
  const drawn = panels.map((each, i) => {
    const [own, all] = [points([each]), points(panels)];
    const values = (part, axis) => (part ? own : all).map((point) => point[axis]);
    const axes = {
      x: axisOf({ ...x, ...each.x }, values(each.x, 0)),
      y: axisOf({ ...y, ...each.y }, values(each.y, 1)),
    };
    const labels = { x: each.x?.label ?? x.label, y: each.y?.label ?? y.label };
    return drawPanel(each, i, axes, names, labels);
  });
  const legend = drawLegend(names, below, width);
  const height = below + 20 * legend.lines;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" role="img">
<title>${escaped(title)}</title>
<style>
text { font: 12px system-ui, sans-serif; fill: #3d3a35 } .title { font-weight: 600 }
.grid { stroke: #8884; stroke-width: 1 }
@media (prefers-color-scheme: dark) { text { fill: #d9d5cc } }
</style>
${drawn.join("\n")}
${legend.drawn}
</svg>
`;
}

/** A line of a figure from rows of a table; `error` is the column of the standard errors of y. */
export const line = (name, rows, x, y, { error, ...more } = {}) => ({
  name,
  points: rows.map((each) => (error === undefined ? [each[x], each[y]] : [each[x], each[y], each[error]])),
  ...more,
});
