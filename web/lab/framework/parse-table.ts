/**
 * Comma-separated values without quotes, as the studies write them, to rows. A column whose cells are numbers or empty
 * is one of numbers, NaN where there is none; the others are text.
 */
export function parseTable(text: string): Record<string, string | number>[] {
  const [head = "", ...lines] = text.trim().split(/\r?\n/);
  const names = head.split(",");
  const cells = lines.map((line) => line.split(","));
  const numeric = names.map((_, column) => {
    const filled = cells.map((row) => row[column] ?? "").filter((cell) => cell !== "");
    return filled.length > 0 && filled.every((cell) => Number.isFinite(Number(cell)));
  });
  const value = (cell: string, column: number): string | number =>
    numeric[column] ? (cell === "" ? Number.NaN : Number(cell)) : cell;
  return cells.map((row) => Object.fromEntries(names.map((name, column) => [name, value(row[column] ?? "", column)])));
}
