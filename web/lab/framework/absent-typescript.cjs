// Stands in for the TypeScript compiler inside Notebook Kit's transpiler, which reads these two constants when it loads
// and calls the compiler only for cells written in TypeScript. See resolve.alias in vite.config.ts.
module.exports = { ScriptTarget: { ESNext: 99 }, ModuleKind: { Preserve: 200 } };
