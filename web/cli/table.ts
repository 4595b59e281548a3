/** Rows of numbers as text: aligned for reading, or as CSV or JSON for programs. */

/** What `--format` takes. */
export const formats = ["table", "csv", "json"] as const;
/** One of them. */
export type Format = (typeof formats)[number];

/** One row by column name. */
export type Row = Readonly<Record<string, number>>;

/** Four digits are more than weights deserve, and columns stay narrow. */
function shortened(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return Number.isFinite(value) ? String(Number(value.toPrecision(4))) : String(value);
}

/** All of `rows`, which have the same columns, ending in a line break. */
export function formatRows(rows: readonly Row[], format: Format): string {
  if (format === "json") return `${JSON.stringify(rows, null, 1)}\n`;
  const columns = Object.keys(rows[0] ?? {});
  const show = format === "csv" ? String : shortened;
  const cells = [columns, ...rows.map((row) => columns.map((name) => show(row[name] ?? Number.NaN)))];
  if (format === "csv") return cells.map((line) => `${line.join(",")}\n`).join("");
  const widths = columns.map((_, i) => Math.max(...cells.map((line) => (line[i] as string).length)));
  return cells.map((line) => `${line.map((cell, i) => cell.padStart(widths[i] as number)).join("  ")}\n`).join("");
}
