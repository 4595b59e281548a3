// What a machine refuses without asking anyone. Each rule is first shown a violation.

import assert from "node:assert/strict";
import test from "node:test";

import { undocumentedExports } from "./rules.mjs";
import { linesMatching, sources } from "./sources.mjs";

const code = /\.([ch]pp|[mc]?[jt]s|cmake)$|CMakeLists\.txt$/;
const cpp = sources(["cpp"], /\.[ch]pp$/);
const web = sources(["web/src"], /\.ts$/);
const lab = sources(["web/lab"], /\.ts$/);
const cli = sources(["web/cli"], /\.ts$/);
const tests = sources(["tests"], code).filter(({ path }) => !path.startsWith("tests/layers/"));
const bench = sources(["bench"], code);
const scripts = sources([".ci"], /\.mjs$/);
const everything = [...cpp, ...web, ...lab, ...cli, ...tests, ...bench, ...scripts];

/** Declares a rule: these files hold no line like that, and the pattern does find the example. */
function refuse(what, files, pattern, example, options) {
  test(`no ${what}`, () => {
    assert.equal(linesMatching([{ path: "example.ts", text: example }], pattern, options).length, 1);
    assert.deepEqual(linesMatching(files, pattern, options), []);
  });
}

const codeOnly = { comments: false };

refuse("unfinished work", everything, /\b(TODO|FIXME|HACK|XXX)\b/, "// TODO: later");
refuse(
  "printing in the library",
  [...cpp, ...web],
  /\bprintf\s*\(|std::c(out|err)\b|console\.log/,
  "printf(x);",
  codeOnly,
);
refuse("escape from the type checker", web, /\bany\b|as unknown as|@ts-ignore|@ts-nocheck/, "let x: any;", codeOnly);
refuse("@ts-ignore in a comment", web, /@ts-(ignore|nocheck)/, "// @ts-ignore");
refuse(
  "unseeded randomness in tests, benches and simulations",
  [...tests, ...bench, ...cpp, ...sources(["web/lab/experiments"], /\.ts$/)],
  /Math\.random|std::random_device|\bDate\.now|\bsrand\(/,
  "const x = Math.random();",
  codeOnly,
);
refuse(
  "fast math",
  sources(["cpp", "tests", "bench", ".ci"], code)
    .concat(sources(["."], /^CMake/))
    .filter(({ path }) => !path.startsWith("tests/layers/")),
  /ffast-math|-Ofast|fp-model=fast/,
  "-ffast-math",
);
refuse("path of one machine", everything, /["'`\s(](\/work|\/root|\/home\/\w+)\/|\.\.\/shared/, 'open("/work/x");');
refuse("line over 120 columns", [...cpp, ...web, ...bench, ...scripts], /^.{121,}$/u, "x".repeat(121));

test("a C++ file has at most 400 lines", () => {
  assert.deepEqual(
    cpp.filter(({ text }) => text.split("\n").length > 401).map(({ path }) => path),
    [],
  );
});

test("every header has #pragma once", () => {
  const headers = cpp.concat(tests).filter(({ path }) => path.endsWith(".hpp"));
  assert.ok(headers.length > 0);
  assert.deepEqual(
    headers.filter(({ text }) => !/^#pragma once$/m.test(text)).map(({ path }) => path),
    [],
  );
});

test("no file is named after nothing", () => {
  const vague = /(^|[/_.-])(utils?|helpers?|common|misc|managers?|stuff)([/_.-]|$)/i;
  assert.ok(vague.test("web/src/string-utils.ts"));
  assert.deepEqual(
    everything.map(({ path }) => path).filter((path) => vague.test(path)),
    [],
  );
});

test("every public name of the package has a doc comment", () => {
  const published = web.filter(({ path }) =>
    /^web\/src\/([\w-]+|(sync|async)\/[\w-]+|runtime\/tensor)\.ts$/.test(path),
  );
  assert.ok(published.length > 0);
  assert.deepEqual(undocumentedExports([{ path: "x.ts", text: "export function f() {}" }]), ["x.ts:1: f"]);
  assert.deepEqual(undocumentedExports([{ path: "x.ts", text: "/** Does. */\nexport function f() {}" }]), []);
  assert.deepEqual(undocumentedExports(published), []);
});
