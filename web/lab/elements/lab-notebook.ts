/**
 * `<lab-notebook>`: a notebook in the open notebook format, running. One cell element per cell; the dataflow between
 * them is Notebook Kit's. Resetting puts every cell and every parameter back to what the file says.
 */
import type { Notebook } from "@observablehq/notebook-kit";
import { NotebookRuntime } from "@observablehq/notebook-kit/runtime";
import { address } from "../framework/address.js";
import { builtins } from "../framework/builtins.js";
import type { CompiledCell } from "../framework/compile-cell.js";
import { downloadText } from "../framework/download.js";
import { library } from "../framework/library.js";
import { LabCell } from "./lab-cell.js";

/** What notebook-plugin.ts makes of a notebook. */
export interface NotebookModule {
  notebook: Notebook;
  definitions: Map<number, CompiledCell>;
}

export class LabNotebook extends HTMLElement {
  #notebook: Notebook | undefined;
  #cells: LabCell[] = [];
  readonly #runtime = new NotebookRuntime(builtins());
  #name = "notebook";

  /** `definitions` are the compiled cells, `name` is the file's name without its ending. */
  load({ notebook, definitions }: NotebookModule, name: string): void {
    this.#name = name;
    this.#notebook = structuredClone(notebook);
    document.title = `${this.#notebook.title} · heed lab`;
    const { main } = this.#runtime;
    main.variable().define("heed", [], () => library.start());
    library.addEventListener("choice", () => void main.redefine("heed", [], () => library.start()));
    this.#cells = this.#notebook.cells.map((cell) => new LabCell(cell, this.#runtime, definitions.get(cell.id)));
    this.replaceChildren(...this.#cells);
    for (const cell of this.#cells) void cell.run();
  }

  showSource(open: boolean): void {
    for (const cell of this.#cells) cell.open = open;
  }

  reset(): void {
    address.clear();
    for (const cell of this.#cells) cell.revert();
    library.choose({ variant: null, threads: null });
  }

  /** The notebook as edited, in the same format: it opens here and in Notebook Kit. */
  async download(): Promise<void> {
    if (this.#notebook === undefined) return;
    const { serialize } = await import("../framework/notebook-kit.js");
    downloadText(serialize(this.#notebook), `${this.#name}.html`, "text/html");
  }
}
