/**
 * Compiles notebooks when the lab is built: `import { notebook, definitions } from "./notebooks/x.html?notebook"`.
 *
 * Cells are turned into functions, and Markdown without expressions into HTML, so that a reader downloads the cell
 * compiler and the Markdown renderer only when editing (about 100 kB less on the first visit), and a mistake in a
 * notebook breaks the build instead of the page. What a reader edits goes through the very same two libraries in the
 * browser.
 */
import { readFile } from "node:fs/promises";
import { deserialize, transpile, type Cell } from "@observablehq/notebook-kit";
import { JSDOM } from "jsdom";
import MarkdownIt from "markdown-it";
import type { Plugin } from "vite";

const query = "?notebook";

export function notebookPlugin(): Plugin {
  return {
    name: "notebook",
    enforce: "pre",
    async load(id) {
      if (!id.endsWith(query)) return null;
      const file = id.slice(0, -query.length);
      this.addWatchFile(file);
      const source = await readFile(file, "utf8");
      const parser = new new JSDOM().window.DOMParser();
      const notebook = deserialize(source, { parser });
      const definitions = notebook.cells.map((cell) => definitionText(cell, file));
      return [
        `export const notebook = ${JSON.stringify(notebook)};`,
        "const prose = (innerHTML) => Object.assign(document.createElement('div'), { className: 'prose', innerHTML });",
        `export const definitions = new Map([\n${definitions.join(",\n")}\n]);`,
      ].join("\n");
    },
  };
}

/** One entry of the map: the cell's id and what `NotebookRuntime.define` takes. */
function definitionText(cell: Cell, file: string): string {
  if (cell.mode === "md" && !cell.value.includes("${")) {
    const markdown = MarkdownIt({ html: true, linkify: true, typographer: true }).render(cell.value);
    return `[${cell.id}, { autodisplay: true, body: () => prose(${JSON.stringify(markdown)}) }]`;
  }
  try {
    const { body, inputs, outputs, output, autodisplay, autoview, automutable } = transpile(cell);
    const rest = JSON.stringify({ inputs, outputs, output, autodisplay, autoview, automutable });
    return `[${cell.id}, { ...${rest}, body: ${body} }]`;
  } catch (error) {
    throw new Error(`cell ${cell.id} of ${file}: ${error instanceof Error ? error.message : String(error)}`, {
      cause: error,
    });
  }
}
