/**
 * A cell's text as something the dataflow can run. The compiler is loaded with the first edit; the notebook itself
 * comes compiled (notebook-plugin.ts). Cells are written by the reader, so this page alone may turn text into code (see
 * the content security policy in vite.config.ts).
 */
import type { Cell } from "@observablehq/notebook-kit";
import type { Definition } from "@observablehq/notebook-kit/runtime";

export type CompiledCell = Omit<Definition, "id">;

export async function compileCell(cell: Cell): Promise<CompiledCell> {
  const { transpile } = await import("./notebook-kit.js");
  const { body, ...rest } = transpile(cell);
  return { ...rest, body: (0, eval)(`${body}\n//# sourceURL=cell-${cell.id}.js`) as Definition["body"] };
}
