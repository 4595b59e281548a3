/**
 * `<cell-editor>`: the text of a cell in CodeMirror. Loaded when a reader edits for the first time.
 *
 * Shift-Enter (or Ctrl/Cmd-Enter) runs the cell, Escape leaves it. Tab moves on to the next control, as everywhere else
 * on a page, so nobody is caught in the editor.
 */
import { defaultKeymap, history, historyKeymap } from "@codemirror/commands";
import { javascript } from "@codemirror/lang-javascript";
import { bracketMatching, HighlightStyle, indentOnInput, syntaxHighlighting } from "@codemirror/language";
import { EditorState } from "@codemirror/state";
import { drawSelection, EditorView, keymap } from "@codemirror/view";
import { tags } from "@lezer/highlight";

export interface EditorActions {
  run(source: string): void;
  leave(): void;
}

const highlighting = HighlightStyle.define([
  { tag: [tags.comment], color: "var(--code-comment)", fontStyle: "italic" },
  { tag: [tags.keyword, tags.operatorKeyword, tags.controlKeyword], color: "var(--code-keyword)" },
  { tag: [tags.string, tags.special(tags.string), tags.regexp], color: "var(--code-string)" },
  { tag: [tags.number, tags.bool, tags.null], color: "var(--code-number)" },
  { tag: [tags.function(tags.variableName), tags.function(tags.propertyName)], color: "var(--code-function)" },
]);

const look = EditorView.theme({
  "&": { color: "var(--text)", backgroundColor: "transparent", fontSize: "13px" },
  "&.cm-focused": { outline: "none" },
  ".cm-content": { fontFamily: "var(--monospace)", caretColor: "var(--text)", padding: "10px 0", lineHeight: "1.55" },
  ".cm-line": { padding: "0 14px" },
  ".cm-cursor": { borderLeftColor: "var(--text)" },
  "&.cm-focused .cm-selectionBackground, .cm-selectionBackground": { backgroundColor: "var(--selection) !important" },
  ".cm-matchingBracket": { backgroundColor: "var(--selection)", outline: "none" },
});

export class CellEditor extends HTMLElement {
  readonly #view: EditorView;
  readonly #actions: EditorActions;

  constructor(source: string, mode: string, actions: EditorActions) {
    super();
    this.#actions = actions;
    const run = (): boolean => (this.run(), true);
    this.#view = new EditorView({
      parent: this,
      state: EditorState.create({
        doc: source,
        extensions: [
          history(),
          drawSelection(),
          indentOnInput(),
          bracketMatching(),
          EditorView.lineWrapping,
          EditorView.contentAttributes.of({ "aria-label": "Source of the cell" }),
          keymap.of([
            { key: "Shift-Enter", run },
            { key: "Mod-Enter", run },
            { key: "Escape", run: () => (actions.leave(), true) },
            ...defaultKeymap,
            ...historyKeymap,
          ]),
          ...(mode === "js" || mode === "ojs" ? [javascript()] : []),
          syntaxHighlighting(highlighting),
          look,
        ],
      }),
    });
  }

  /** The whole text; the page itself holds only the lines in view. */
  get source(): string {
    return this.#view.state.doc.toString();
  }

  run(): void {
    this.#actions.run(this.source);
  }

  replace(source: string): void {
    this.#view.dispatch({ changes: { from: 0, to: this.#view.state.doc.length, insert: source } });
  }

  override focus(): void {
    this.#view.focus();
  }
}

customElements.define("cell-editor", CellEditor);
