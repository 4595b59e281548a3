// The parts of the build that judge or change what the linker wrote.

import assert from "node:assert/strict";
import test from "node:test";

import { glueFor, nameThreads, nodeThreads, quoted, replaceExactly } from "./glue.mjs";
import { missingKernels, parseKernelList, parseSymbolMap } from "./kernels.mjs";
import { measure } from "./sizes.mjs";

test("the options of the web glue's threads become literal, with a name per file", () => {
  const source = 'worker=new Worker(new URL("heed-threads.mjs",import.meta.url),workerOptions);';
  assert.equal(
    nameThreads(source, "heed-threads"),
    'worker=new Worker(new URL("heed-threads.mjs",import.meta.url),{type:"module",name:"em-pthread-heed-threads"});',
  );
  assert.equal(nameThreads("no threads here", "heed-study-simd"), "no threads here");
});

test("threads of Node start from the glue for Node", () => {
  const source = 'new Worker(new URL("heed-threads.mjs",import.meta.url),workerOptions);';
  assert.match(nodeThreads(source, "heed-threads"), /"heed-threads\.node\.mjs"/);
  assert.throws(() => nodeThreads("nothing", "heed-threads"), /heed-threads\.node\.mjs: expected 1 of .* found 0/);
  assert.equal(nodeThreads("no threads here", "heed-simd"), "no threads here");
});

test("glue without exactly one place to change stops the build", () => {
  assert.throws(() => nameThreads("nothing", "heed-threads"), /expected 1 of .* found 0/);
  assert.throws(() => nameThreads("a,workerOptions) b,workerOptions)", "heed-study-threads"), /found 2/);
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

test("what bundlers follow are plain strings, and threads do not ask for Node", async () => {
  const thread = 'export default new Worker(new URL("heed-threads.mjs",import.meta.url),workerOptions);';
  const end = 'var isNode = typeof process == "object";\nif (isNode) await import("worker_threads");';
  const source = `var ENVIRONMENT_IS_NODE=1;${nameThreads(thread, "heed-threads")}${end}`;
  const code = await glueFor("web", source, "heed-threads");
  assert.doesNotMatch(code, /worker_threads/);
  assert.match(code, /new Worker\(new URL\("heed-threads.mjs",import.meta.url\),/);
  assert.match(code, /\{type:"module",name:"em-pthread-heed-threads"\}/);
  assert.equal(quoted("a(`b`)"), "a(`b`)");
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
