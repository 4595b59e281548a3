// The parts of the build that judge or change what the linker wrote.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { fromRoot } from "../base/paths.mjs";
import { keep } from "./copied.mjs";
import { addressedThreads, glueFor, loaderName, replaceExactly, withAddressType, withoutAddress } from "./glue.mjs";
import { missingKernels, parseKernelList, parseSymbolMap } from "./kernels.mjs";
import { measure } from "./sizes.mjs";

const threaded = 'worker=new Worker(new URL("heed-threads.mjs",import.meta.url),workerOptions);';

test("threads start from the address that the loader is told", () => {
  assert.equal(addressedThreads(threaded, "heed-threads"), 'worker=new Worker(Module["threadScript"],workerOptions);');
  assert.equal(addressedThreads("no threads here", "heed-study-simd"), "no threads here");
});

test("a loader knows no .wasm file", () => {
  const source = 'f="heed-simd.wasm";g=new URL("heed-simd.wasm",import.meta.url).href;';
  assert.equal(withoutAddress(source, "heed-simd"), 'f="";g="";');
  assert.throws(() => withoutAddress("nothing", "heed-simd"), /heed-simd\.mjs: expected 1 of .* found 0/);
});

test("variants that differ in their instructions alone share a loader", () => {
  const names = ["heed-simd", "heed-relaxed", "heed-threads", "heed-study-relaxed", "heed-model-relaxed-threads"];
  assert.deepEqual(names.map(loaderName), ["heed", "heed", "heed-threads", "heed-study", "heed-model-threads"]);
  assert.equal(loaderName("heed-relaxed-threads-64"), "heed-threads-64");
});

test("a loader for addresses of 64 bits asks for them by their present name", () => {
  const twice = 'try{new Memory({initial:1n,index:"i64"})}catch{}memory??=new Memory({initial:1,index: "i64"})';
  const changed = twice.replace('index:"i64"', 'address:"i64"').replace('index: "i64"', 'address:"i64"');
  assert.equal(withAddressType(twice, "heed-relaxed-threads-64"), changed);
  assert.equal(withAddressType("none", "heed-relaxed-threads"), "none");
  assert.throws(() => withAddressType("none", "heed-relaxed-threads-64"), /expected 2 of .* found 0/);
});

test("glue without exactly one place to change stops the build", () => {
  assert.throws(() => addressedThreads("nothing", "heed-threads"), /expected 1 of .* found 0/);
  assert.throws(() => addressedThreads(threaded + threaded, "heed-threads"), /found 2/);
  assert.throws(() => replaceExactly("aa", "a", "b", 1, "file"), /file: expected 1/);
});

const linked = [
  'var ENVIRONMENT_IS_WEB=typeof window=="object";var ENVIRONMENT_IS_NODE=typeof process=="object"&&process.type!="x";',
  'let read;if(ENVIRONMENT_IS_NODE){const{readFileSync}=await import("fs");read=readFileSync}else{read=fetch}',
  "if(ENVIRONMENT_IS_WEB||!ENVIRONMENT_IS_NODE){read.web=1}export default read;",
].join("");

test("the glue of one place has nothing of the other", async () => {
  const web = await glueFor("web", linked, "file");
  const node = await glueFor("node", linked, "file");
  assert.match(web, /fetch/);
  assert.doesNotMatch(web, /import\(|readFileSync|ENVIRONMENT_IS_NODE/);
  assert.match(node, /await import\(.fs.\)/);
  assert.doesNotMatch(node, /fetch|web|ENVIRONMENT_IS/);
});

test("glue that does not ask, or changes the answer, stops the build", async () => {
  await assert.rejects(glueFor("web", "let read = fetch;", "file"), /for web: expected 1 of .*IS_NODE.* found 0/);
  await assert.rejects(glueFor("web", `${linked}ENVIRONMENT_IS_NODE=true;`, "file"), /assigned to later on/);
});

test("threads of the web do not ask for Node", async () => {
  const end = 'var isNode = typeof process == "object";\nif (isNode) await import("worker_threads");';
  const thread = addressedThreads(threaded.slice("worker=".length), "heed-threads");
  const source = `var ENVIRONMENT_IS_NODE=1;export default ${thread}${end}`;
  const code = await glueFor("web", source, "heed-threads");
  assert.doesNotMatch(code, /worker_threads/);
  assert.match(code, /new Worker\(Module\.threadScript,workerOptions\)/);
});

test("what a copied file exports is kept where the package looks for it", () => {
  const key = Object.getOwnPropertySymbols(globalThis).length;
  new Function("Module", keep("heed.mjs", "Module"))("the loader");
  const symbols = Object.getOwnPropertySymbols(globalThis);
  const { version } = JSON.parse(readFileSync(fromRoot("package.json"), "utf8"));
  assert.equal(symbols.length, key + 1);
  assert.deepEqual(globalThis[Symbol.for(`heed ${version}`)], { "heed.mjs": "the loader" });
});

test("a symbol map is read with the escapes of the name section", () => {
  const map = "0:a\n12:heed::simd::kernel_scores\\28float\\20const*\\29\n";
  assert.deepEqual(parseSymbolMap(map), ["a", "heed::simd::kernel_scores(float const*)"]);
});

test("a kernel that is not a function of its own is missing", () => {
  const symbols = ["heed::simd::kernel_scores(float const*)", "void heed::simd::kernel_tile<4ul>(float*)"];
  assert.deepEqual(missingKernels(["kernel_scores", "kernel_tile"], symbols), []);
  assert.deepEqual(missingKernels(["kernel_score", "kernel_exp"], symbols), ["kernel_score", "kernel_exp"]);
});

test("the list of kernels allows comments and empty lines, and names the modules", () => {
  const list = parseKernelList("# heading\n\nkernel_a # reason\n  kernel_b core study\nkernel_c study\n");
  assert.deepEqual(Object.fromEntries(list), {
    kernel_a: ["core"],
    kernel_b: ["core", "study"],
    kernel_c: ["study"],
  });
});

test("sizes are those of the compressed bytes", () => {
  const { raw, gzip, brotli } = measure(Buffer.alloc(100_000, "heed "));
  assert.equal(raw, 100_000);
  assert.ok(gzip < 1_000 && brotli < gzip);
});
