/**
 * `<lab-cell>`: one cell of a notebook. Shows what the cell displays, its source on request, and lets the reader change
 * it: the edited text is compiled and takes the old one's place in the dataflow, so that everything that depends on it
 * follows. An error stays inside its cell.
 */
import type { Cell } from "@observablehq/notebook-kit";
import { clear, observe, type DefineState, type NotebookRuntime } from "@observablehq/notebook-kit/runtime";
import { html, LitElement, type TemplateResult } from "lit";
import { describeControls } from "../framework/describe-controls.js";
import { compileCell, type CompiledCell } from "../framework/compile-cell.js";
import { explain, failureNode } from "../framework/cell-failure.js";

type Editor = import("./cell-editor.js").CellEditor;

/** What a reader can write. */
const kinds = [
  ["js", "JavaScript"],
  ["md", "Markdown"],
] as const;

export class LabCell extends LitElement {
  static override properties = {
    busy: { state: true },
    failed: { state: true },
    edited: { state: true },
    editor: { state: true },
    open: { type: Boolean, reflect: true },
  };
  declare busy: boolean;
  declare failed: boolean;
  declare edited: boolean;
  declare editor: Editor | undefined;
  /** Show the source even when it is not being edited. */
  declare open: boolean;

  readonly cell: Cell;
  readonly #runtime: NotebookRuntime;
  readonly #original: string;
  readonly #originalMode: Cell["mode"];
  readonly #output: HTMLDivElement;
  readonly #state: DefineState;
  readonly #compiled: CompiledCell | undefined;
  #turn = 0;

  /** `compiled`: what the build made of the cell's text. */
  constructor(cell: Cell, runtime: NotebookRuntime, compiled?: CompiledCell) {
    super();
    this.busy = this.failed = this.edited = this.open = false;
    this.editor = undefined;
    this.cell = cell;
    this.#runtime = runtime;
    this.#original = cell.value;
    this.#originalMode = cell.mode;
    this.#compiled = compiled;
    this.#output = document.createElement("div");
    this.#output.className = "cell-output";
    this.#state = { root: this.#output, expanded: [], variables: [] };
    new MutationObserver(() => describeControls(this.#output)).observe(this.#output, {
      childList: true,
      subtree: true,
    });
    this.addEventListener("lab-run", () => void this.run());
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  /** Whether the text came with the page, which has compiled it. */
  get original(): boolean {
    return this.#compiled !== undefined;
  }

  /** Puts the cell into the dataflow, compiled anew if the reader has changed it. */
  async run(): Promise<void> {
    const turn = ++this.#turn;
    this.edited = this.cell.value !== this.#original || this.cell.mode !== this.#originalMode;
    try {
      const compiled = this.edited || this.#compiled === undefined ? await compileCell(this.cell) : this.#compiled;
      if (turn === this.#turn) this.#define(compiled);
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#forget();
      this.#fail(error, []);
    }
  }

  #define(compiled: CompiledCell): void {
    this.#forget();
    this.#clearFailure();
    const definition = { id: this.cell.id, ...compiled };
    const own = definition.output === undefined ? (definition.outputs ?? []) : [definition.output];
    // The runtime also tells a removed variable that it is now undefined, which must not clear what has replaced it.
    const turn = this.#turn;
    const current = (): boolean => turn === this.#turn;
    this.#runtime.define(this.#state, definition, (state) => {
      const shown = observe(state, definition);
      return {
        ...shown,
        pending: () => current() && this.#pending(),
        rejected: (error: unknown) => current() && this.#fail(error, own),
        fulfilled: (value: unknown) => {
          if (!current()) return;
          this.#clearFailure();
          this.busy = false;
          shown.fulfilled(value);
        },
      };
    });
    for (const name of own) this.#watch(name, own, current);
  }

  #forget(): void {
    for (const variable of this.#state.variables) variable.delete();
    this.#state.variables = [];
  }

  /** Takes the cell out of the dataflow; `run` puts it back. */
  leave(): void {
    ++this.#turn;
    this.#forget();
    this.#clearFailure();
    clear(this.#state);
  }

  /** Back to the text that the notebook came with. */
  revert(): void {
    this.cell.value = this.#original;
    this.cell.mode = this.#originalMode;
    this.editor?.replace(this.#original);
    void this.run();
  }

  async edit(): Promise<void> {
    if (this.editor !== undefined) return this.editor.focus();
    const { CellEditor } = await import("./cell-editor.js");
    this.editor = new CellEditor(this.cell.value, this.cell.mode, {
      run: (source) => this.#replace(source),
      leave: () => this.#closeEditor(),
    });
    await this.updateComplete;
    this.editor.focus();
  }

  /** Puts new text into the cell and runs it. */
  #replace(source: string): void {
    this.cell.value = source;
    void this.run();
  }

  focusEditor(): void {
    void this.updateComplete.then(() => {
      if (this.editor === undefined) this.querySelector<HTMLButtonElement>(".cell-edit")?.focus();
      else this.editor.focus();
    });
  }

  #closeEditor(): void {
    this.editor = undefined;
    this.focusEditor();
  }

  /** A cell's names may hold promises and generators, which fail after the cell itself is done. */
  #watch(name: string, own: readonly string[], current: () => boolean): void {
    const watcher = this.#runtime.main.variable({
      pending: () => current() && this.#pending(),
      fulfilled: () => current() && (this.busy = false),
      // What made the cell itself fail says more than its names' being undefined in consequence.
      rejected: (error: unknown) => current() && !this.failed && this.#fail(error, own),
    });
    this.#state.variables.push(watcher.define([name], (value: unknown) => value));
  }

  #pending(): void {
    this.busy = true;
  }

  /** What the cell has displayed since then stays: it does so before it is done. */
  #clearFailure(): void {
    if (!this.failed) return;
    this.failed = false;
    for (const node of this.#output.querySelectorAll(":scope > .cell-failure")) node.remove();
  }

  #fail(error: unknown, own: readonly string[]): void {
    const failure = explain(error, own);
    // A task reports its own failure and offers to run again: keep it, and put the message below.
    if (this.#output.querySelector("lab-task") === null || this.failed) clear(this.#state);
    this.busy = false;
    this.failed = true;
    this.#output.append(failureNode(failure));
  }

  /** The notebook around this cell hears it. */
  #ask(what: "add" | "move" | "delete", detail?: number): void {
    this.dispatchEvent(new CustomEvent(`lab-cell-${what}`, { bubbles: true, detail }));
  }

  async #changeKind(mode: string): Promise<void> {
    const kind = kinds.find(([name]) => name === mode)?.[0];
    if (kind === undefined || this.editor === undefined) return;
    this.cell.mode = kind;
    this.cell.value = this.editor.source;
    this.editor = undefined;
    await this.edit();
    await this.run();
  }

  override render(): TemplateResult {
    return html`
      <div class="cell" ?data-busy=${this.busy} ?data-failed=${this.failed} ?data-editing=${this.editor !== undefined}>
        ${this.#output} ${this.editor === undefined ? this.#source() : this.#editing(this.editor)}
      </div>
    `;
  }

  #source(): TemplateResult {
    const label = `Edit cell ${this.cell.id}`;
    if (!this.open) {
      return html`
        <button type="button" class="cell-edit" aria-label=${label} title=${label} @click=${() => this.edit()}>
          <svg viewBox="0 0 16 16" aria-hidden="true"><path d="M6 4 2.5 8 6 12M10 4l3.5 4L10 12" /></svg>
        </button>
      `;
    }
    const name = `Source of cell ${this.cell.id}`;
    return html`
      <div class="cell-source">
        <pre tabindex="0" role="region" aria-label=${name}><code>${this.cell.value}</code></pre>
        <button type="button" class="cell-edit" aria-label=${label} @click=${() => this.edit()}>Edit</button>
      </div>
    `;
  }

  #editing(editor: Editor): TemplateResult {
    return html`
      <div class="cell-editing">
        ${editor}
        <div class="cell-actions">
          <button type="button" class="primary" @click=${() => editor.run()}>Run</button>
          <button type="button" ?disabled=${!this.edited} @click=${() => this.revert()}>Revert</button>
          <button type="button" @click=${() => this.#closeEditor()}>Close</button>
          <span class="hint"><kbd>Shift</kbd> <kbd>Enter</kbd> runs, <kbd>Esc</kbd> closes</span>
          <span class="cell-place" role="group" aria-label=${`Place of cell ${this.cell.id}`}>
            <label class="cell-kind">
              <span class="visually-hidden">Kind of cell</span>
              <select @change=${(event: Event) => this.#changeKind((event.target as HTMLSelectElement).value)}>
                ${kinds.map(
                  ([mode, name]) => html` <option value=${mode} ?selected=${mode === this.cell.mode}>${name}</option> `,
                )}
              </select>
            </label>
            <button type="button" aria-label="Move up" title="Move up" @click=${() => this.#ask("move", -1)}>↑</button>
            <button type="button" aria-label="Move down" title="Move down" @click=${() => this.#ask("move", 1)}>
              ↓
            </button>
            <button type="button" @click=${() => this.#ask("add")}>Add below</button>
            <button type="button" @click=${() => this.#ask("delete")}>Delete</button>
          </span>
        </div>
      </div>
    `;
  }
}

customElements.define("lab-cell", LabCell);
