/** The heavy half of Notebook Kit, loaded when a reader edits a cell, opens a notebook, shares or downloads one. */
export { deserialize, serialize, toCell, transpile } from "@observablehq/notebook-kit";
