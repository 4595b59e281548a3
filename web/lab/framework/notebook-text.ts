/** Notebooks as text in the open notebook format, for files and links, and what may be read from such a text. */
import type { Notebook } from "@observablehq/notebook-kit";
import { largestText } from "./packed.js";

export async function writeNotebook(notebook: Notebook): Promise<string> {
  return (await import("./notebook-kit.js")).serialize(notebook);
}

/** @throws {RangeError} when the text holds no notebook. Nothing in it runs. */
export async function readNotebook(text: string): Promise<Notebook> {
  if (text.length > largestText) throw new RangeError(`a notebook has at most ${largestText} characters`);
  if (!/<notebook[\s>]/i.test(text)) throw new RangeError("it holds no <notebook>");
  const notebook = (await import("./notebook-kit.js")).deserialize(text);
  if (notebook.cells.length === 0) throw new RangeError("its notebook has no cells");
  return notebook;
}

/** The cells of `notebook` that `known` does not have word for word. */
export function newCells(notebook: Notebook, known: Notebook | undefined): Notebook["cells"] {
  const words = new Set(known?.cells.map(({ mode, value }) => `${mode}\n${value}`));
  return notebook.cells.filter(({ mode, value }) => !words.has(`${mode}\n${value}`));
}
