/**
 * `<lab-notebook>`: a notebook in the open notebook format, running. One cell element per cell; the dataflow between
 * them is Notebook Kit's. Cells can be changed, added, moved and deleted; resetting puts every cell and every parameter
 * back to what the page came with.
 */
import type { Cell, Notebook } from "@observablehq/notebook-kit";
import { NotebookRuntime } from "@observablehq/notebook-kit/runtime";
import { address, codeName } from "../framework/address.js";
import { builtins } from "../framework/builtins.js";
import type { CompiledCell } from "../framework/compile-cell.js";
import { downloadText } from "../framework/download.js";
import { library, type Heed } from "../framework/library.js";
import { newCells, readNotebook, writeNotebook } from "../framework/notebook-text.js";
import { pack, unpack } from "../framework/packed.js";
import { LabCell } from "./lab-cell.js";
import { notice } from "./notice.js";

/** What notebook-plugin.ts makes of a notebook. */
export interface NotebookModule {
  notebook: Notebook;
  definitions: Map<number, CompiledCell>;
}

export class LabNotebook extends HTMLElement {
  #own: NotebookModule | undefined;
  #notebook: Notebook | undefined;
  #cells: LabCell[] = [];
  readonly #runtime = new NotebookRuntime(builtins());
  #name = "notebook";
  #showsSource = false;

  constructor() {
    super();
    this.addEventListener("lab-cell-add", (event) => this.#add(event.target as LabCell));
    this.addEventListener("lab-cell-move", (event) => {
      this.#move(event.target as LabCell, (event as CustomEvent<number>).detail);
    });
    this.addEventListener("lab-cell-delete", (event) => this.#delete(event.target as LabCell));
  }

  /** `definitions` are the compiled cells, `name` is the file's name without its ending. */
  load(module: NotebookModule, name: string): void {
    this.#name = name;
    this.#own = module;
    const { main } = this.#runtime;
    // A cell that names `heed` waits until it has started; one that names `engine` asks for it when it needs it.
    const holder = (instance: Promise<Heed>) => () => () => instance;
    main.variable().define("engine", [], holder(library.instance));
    main.variable().define("heed", ["engine"], (engine: () => Promise<Heed>) => engine());
    library.addEventListener("choice", () => void main.redefine("engine", [], holder(library.start())));
    this.#show(module.notebook, module.definitions);
  }

  #show(notebook: Notebook, definitions: ReadonlyMap<number, CompiledCell> = new Map()): void {
    for (const cell of this.#cells) cell.leave();
    this.#notebook = { ...notebook, cells: notebook.cells.map((cell) => ({ ...cell })) };
    document.title = `${notebook.title} · heed lab`;
    this.#cells = this.#notebook.cells.map((cell) => this.#element(cell, definitions.get(cell.id)));
    this.replaceChildren(...this.#cells);
    for (const cell of this.#cells) void cell.run();
  }

  #element(cell: Cell, compiled?: CompiledCell): LabCell {
    const element = new LabCell(cell, this.#runtime, compiled);
    element.open = this.#showsSource;
    return element;
  }

  showSource(open: boolean): void {
    this.#showsSource = open;
    for (const cell of this.#cells) cell.open = open;
  }

  reset(): void {
    const own = this.#own;
    if (own === undefined) return;
    address.clear();
    library.choose({ variant: null, threads: null });
    this.querySelectorAll(".cell-deleted").forEach((bar) => bar.remove());
    const ids = (cells: readonly { id: number }[]): string => cells.map(({ id }) => id).join();
    const untouched = this.#cells.every((cell) => cell.original);
    if (untouched && ids(this.#cells.map(({ cell }) => cell)) === ids(own.notebook.cells)) {
      for (const cell of this.#cells) cell.revert();
    } else this.#show(own.notebook, own.definitions);
  }

  // Cells come and go
  // --------------------------------------------------------------------------------------------------

  #add(after: LabCell): void {
    const id = 1 + Math.max(0, ...this.#cells.map(({ cell }) => cell.id), ...this.#deletedIds());
    const cell: Cell = { ...structuredClone(after.cell), id, value: "", mode: "js", pinned: true, output: undefined };
    const element = this.#element(cell);
    this.#place(element, this.#cells.indexOf(after) + 1);
    void element.run();
    void element.edit();
  }

  #place(element: LabCell, at: number): void {
    this.#cells.splice(at, 0, element);
    const before = this.#cells[at - 1];
    if (before === undefined) this.prepend(element);
    else before.after(element);
    this.#listCells();
  }

  #move(element: LabCell, by: number): void {
    const from = this.#cells.indexOf(element);
    const to = from + by;
    if (from < 0 || to < 0 || to >= this.#cells.length) return;
    this.#cells.splice(from, 1);
    this.#place(element, to);
    element.focusEditor();
    element.scrollIntoView({ block: "nearest" });
  }

  /** A line with a way back stays in the cell's place. */
  #delete(element: LabCell): void {
    const at = this.#cells.indexOf(element);
    if (at < 0) return;
    const bar = document.createElement("div");
    bar.className = "cell-deleted";
    bar.dataset["cell"] = String(element.cell.id);
    const words = document.createElement("span");
    words.setAttribute("role", "status");
    words.textContent = `Cell ${element.cell.id} is deleted.`;
    const undo = document.createElement("button");
    undo.type = "button";
    undo.textContent = "Undo";
    undo.addEventListener("click", () => {
      const before = this.#cells.filter(
        (cell) => bar.compareDocumentPosition(cell) & Node.DOCUMENT_POSITION_PRECEDING,
      ).length;
      bar.remove();
      this.#place(element, before);
      void element.run();
      element.focusEditor();
    });
    bar.append(words, undo);
    this.#cells.splice(at, 1);
    element.leave();
    element.replaceWith(bar);
    this.#listCells();
    undo.focus();
  }

  #deletedIds(): number[] {
    return [...this.querySelectorAll<HTMLElement>(".cell-deleted")].map(({ dataset }) => Number(dataset["cell"]));
  }

  #listCells(): void {
    if (this.#notebook !== undefined) this.#notebook.cells = this.#cells.map(({ cell }) => cell);
  }

  // To and from elsewhere
  // ----------------------------------------------------------------------------------------------

  /** Whether the reader, a link or a file changed a cell. */
  get edited(): boolean {
    const text = (cells: readonly Cell[]): string => JSON.stringify(cells.map(({ mode, value }) => [mode, value]));
    return text(this.#notebook?.cells ?? []) !== text(this.#own?.notebook.cells ?? []);
  }

  /** The notebook as edited, in the same format: it opens here and in Notebook Kit. */
  async download(): Promise<void> {
    if (this.#notebook === undefined) return;
    downloadText(await writeNotebook(this.#notebook), `${this.#name}.html`, "text/html");
  }

  /** The link to what is shown: the parameters, and the whole notebook where a cell was changed. */
  async link(): Promise<string> {
    const parameters = new URLSearchParams(address.text());
    parameters.delete(codeName);
    if (this.edited && this.#notebook !== undefined) {
      parameters.set(codeName, await pack(await writeNotebook(this.#notebook)));
    }
    const hash = parameters.toString();
    return `${location.origin}${location.pathname}${hash === "" ? "" : `#${hash}`}`;
  }

  /** A notebook in the address, after asking. */
  async openLink(): Promise<void> {
    const packed = address.read(codeName);
    if (packed !== null) await this.#open("This link", () => unpack(packed));
  }

  /** A notebook file, after asking. */
  async openFile(file: File): Promise<void> {
    await this.#open(file.name, () => file.slice(0, 2 ** 21).text());
  }

  async #open(from: string, read: () => Promise<string>): Promise<void> {
    let notebook: Notebook;
    try {
      notebook = await readNotebook(await read());
    } catch (error) {
      return notice(`${from} could not be opened: ${error instanceof Error ? error.message : String(error)}.`);
    }
    const cells = newCells(notebook, this.#own?.notebook);
    const { askToRun } = await import("./consent.js");
    if (cells.length > 0 && !(await askToRun({ from, title: notebook.title, cells }))) return;
    this.#show(notebook);
  }
}
