/** A table that grows row by row in a CSV file, so that a run that was stopped goes on where it ended. */
import { appendFileSync, existsSync, readFileSync } from "node:fs";

import { CommandError } from "./command.js";

type Cell = string | number;

/** The first columns name a row; a row that is there is not computed again. */
export class RowsFile {
  readonly #known = new Map<string, string[]>();

  /** @throws {CommandError} for a file of other columns */
  constructor(
    readonly path: string,
    readonly columns: readonly string[],
    readonly keys: number,
  ) {
    if (!existsSync(path)) return;
    const [head, ...rows] = readFileSync(path, "utf8").split("\n");
    if (head !== columns.join(",")) {
      throw new CommandError(`${path} has the columns ${head}; move it away, or name another folder with --to`);
    }
    for (const row of rows.filter((one) => one !== "")) {
      const cells = row.split(",");
      this.#known.set(cells.slice(0, keys).join(","), cells);
    }
  }

  /** The row of that name, if it is there. */
  get(key: readonly Cell[]): string[] | undefined {
    return this.#known.get(key.join(","));
  }

  add(row: readonly Cell[]): void {
    const cells = row.map((cell) => (typeof cell === "number" ? String(Number(cell.toPrecision(7))) : cell));
    const head = existsSync(this.path) ? "" : `${this.columns.join(",")}\n`;
    appendFileSync(this.path, `${head}${cells.join(",")}\n`);
    this.#known.set(cells.slice(0, this.keys).join(","), cells);
  }
}
