// Who may include whom, and what only one layer may touch. The table: layer_table.mjs.

import assert from "node:assert/strict";
import { existsSync, readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";

import { includeComplaints, labImportComplaints, reservedComplaints, webImportComplaints } from "./rules.mjs";
import { linesMatching, root, sources } from "./sources.mjs";

const cpp = sources(["cpp"], /\.[ch]pp$/);
const web = sources(["web/src"], /\.ts$/);
const lab = sources(["web/lab"], /\.ts$/);

test("a C++ include follows the table, never upward", () => {
  assert.ok(cpp.length > 0);
  assert.deepEqual(includeComplaints(cpp), []);
});

test("an upward include is found", () => {
  const planted = [{ path: "cpp/topk/select.cpp", text: '#include "topk/select.hpp"\n#include "sparse/tail.hpp"\n' }];
  assert.deepEqual(includeComplaints(planted), ["cpp/topk/select.cpp: topk may not include sparse/tail.hpp"]);
  assert.equal(includeComplaints([{ path: "cpp/base/a.cpp", text: '#include "a.hpp"\n' }]).length, 1);
  assert.equal(includeComplaints([{ path: "cpp/extra/a.cpp", text: "" }]).length, 1);
});

test("only simd/ names SIMD, only bindings/ Emscripten, only parallel/ threads", () => {
  const files = sources(["cpp"], /\.[ch]pp$|\.cmake$|CMakeLists\.txt$/);
  assert.deepEqual(reservedComplaints(files), []);
});

test("a reserved word in the wrong layer is found", () => {
  const planted = (text) => reservedComplaints([{ path: "cpp/attention/exact.cpp", text }]).length;
  assert.equal(planted("xsimd::batch<float> x;"), 1);
  assert.equal(planted("#include <emscripten/bind.h>"), 1);
  assert.equal(planted("std::atomic<int> x;"), 1);
  assert.equal(planted("// threads are the business of std::thread elsewhere"), 0);
});

test("every folder under cpp/ is a library target", () => {
  const folders = readdirSync(join(root, "cpp"), { withFileTypes: true })
    .filter((entry) => entry.isDirectory() && entry.name !== "cmake")
    .map(({ name }) => name);
  const without = folders.filter((name) => {
    const lists = join(root, "cpp", name, "CMakeLists.txt");
    return !existsSync(lists) || !/heed_(layer|module)\(/.test(readFileSync(lists, "utf8"));
  });
  assert.deepEqual(without, []);
});

test("an import inside web/src follows the table", () => {
  assert.ok(web.length > 0);
  assert.deepEqual(webImportComplaints(web), []);
});

test("an upward import is found", () => {
  const planted = [{ path: "web/src/runtime/load.ts", text: 'import { x } from "../worker/client.js";\n' }];
  assert.deepEqual(webImportComplaints(planted), [
    "web/src/runtime/load.ts: runtime may not import web/src/worker/client.js",
  ]);
});

test("the lab and the heed command import the package by its public name", () => {
  assert.deepEqual(labImportComplaints([...lab, ...sources(["web/cli"], /\.ts$/)]), []);
  const planted = [{ path: "web/lab/main.ts", text: 'import { create } from "../src/entries/web.js";' }];
  assert.equal(labImportComplaints(planted).length, 1);
});

test("module memory is read in runtime/ only", () => {
  const outside = web.filter(({ path }) => !path.startsWith("web/src/runtime/"));
  assert.deepEqual(linesMatching(outside, /wasmMemory|\bmemory\.buffer\b/, { comments: false }), []);
});

test("messages are posted by worker/ and its entries only", () => {
  const outside = web.filter(({ path }) => !/^web\/src\/(worker|entries)\//.test(path));
  assert.deepEqual(linesMatching(outside, /\.postMessage\(/, { comments: false }), []);
});

test("nothing that a page loads names a module of Node", () => {
  const shared = web.filter(({ path }) => !/node\.ts$/.test(path));
  assert.deepEqual(linesMatching(shared, /["']node:/, { comments: false }), []);
});
