/** The heavy half of Notebook Kit, loaded when a reader edits a cell or downloads the notebook. */
export { serialize, transpile } from "@observablehq/notebook-kit";
