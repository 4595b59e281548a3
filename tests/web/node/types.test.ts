/** The published types, as strict programs with few libraries see them: without skipLibCheck, without Node's types. */
import { fileURLToPath } from "node:url";

import ts from "typescript";
import { expect, test } from "vitest";

const consumer = fileURLToPath(new URL("types/consumer.ts", import.meta.url));
const strict: ts.CompilerOptions = {
  strict: true,
  exactOptionalPropertyTypes: true,
  skipLibCheck: false,
  noEmit: true,
  target: ts.ScriptTarget.ES2022,
  lib: ["lib.es2022.d.ts", "lib.dom.d.ts"],
  types: [],
};

test.each([
  ["Node's resolution", { module: ts.ModuleKind.NodeNext, moduleResolution: ts.ModuleResolutionKind.NodeNext }],
  ["a bundler's resolution", { module: ts.ModuleKind.ESNext, moduleResolution: ts.ModuleResolutionKind.Bundler }],
])("%s: what is right compiles, what is wrong does not", { timeout: 60_000 }, (_, resolution) => {
  const program = ts.createProgram([consumer], { ...strict, ...resolution });
  const found = ts.getPreEmitDiagnostics(program).map(({ file, messageText, start }) => {
    const line = file ? ts.getLineAndCharacterOfPosition(file, start ?? 0).line + 1 : 0;
    return `${file?.fileName ?? ""}:${line}: ${ts.flattenDiagnosticMessageText(messageText, " ")}`;
  });
  expect(found).toEqual([]);
  // It is the published declarations that were read.
  expect(program.getSourceFiles().some(({ fileName }) => fileName.endsWith("dist/types/public.d.ts"))).toBe(true);
});
