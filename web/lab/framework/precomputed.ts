/**
 * Columns that came with the page, so that a figure is there before anything was computed. Each file of
 * assets/precomputed holds the command that made it and the parameters it was made with; for other parameters there is
 * nothing, and the figure waits for its run.
 */
interface Stored {
  command: string;
  parameters: unknown;
  columns: Record<string, unknown[]>;
}

const files = import.meta.glob<Stored>("../assets/precomputed/*.json", { import: "default" });

/** Rows of the experiment of that id, if they were made with exactly these parameters. */
export async function precomputed<Row>(id: string, parameters: unknown): Promise<Row[] | undefined> {
  const stored = await files[`../assets/precomputed/${id}.json`]?.();
  if (stored === undefined || canonical(stored.parameters) !== canonical(parameters)) return undefined;
  return rowsOf<Row>(stored.columns);
}

/** The same text for the same values, whatever the order of their names. */
export function canonical(value: unknown): string {
  return JSON.stringify(value, (_, own: unknown) =>
    typeof own === "object" && own !== null && !Array.isArray(own)
      ? Object.fromEntries(Object.entries(own).sort(([a], [b]) => (a < b ? -1 : 1)))
      : own,
  );
}

/** JSON has no NaN: null stands for it. */
export function rowsOf<Row>(columns: Readonly<Record<string, readonly unknown[]>>): Row[] {
  const names = Object.keys(columns);
  const count = names.length === 0 ? 0 : columns[names[0]!]!.length;
  return Array.from({ length: count }, (_, i) => {
    return Object.fromEntries(names.map((name) => [name, columns[name]![i] ?? Number.NaN])) as Row;
  });
}
