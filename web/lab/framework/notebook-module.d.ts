/// <reference types="vite/client" />
/** What notebook-plugin.ts makes of a notebook. */
declare module "*.html?notebook" {
  export const notebook: import("@observablehq/notebook-kit").Notebook;
  export const definitions: Map<number, import("./compile-cell.js").CompiledCell>;
}
