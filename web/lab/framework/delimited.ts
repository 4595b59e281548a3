/** Rows of named values as comma-separated text (RFC 4180), with every digit of every number. */

export type Row = Record<string, unknown>;

export function columnNames(rows: readonly Row[]): string[] {
  return [...new Set(rows.flatMap((row) => Object.keys(row)))];
}

export function toDelimited(rows: readonly Row[], columns: readonly string[] = columnNames(rows)): string {
  const lines = [columns, ...rows.map((row) => columns.map((column) => row[column]))];
  return lines.map((line) => line.map(field).join(",")).join("\r\n") + "\r\n";
}

function field(value: unknown): string {
  const text = value === null || value === undefined ? "" : String(value);
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
