// The parts of the build that judge or change what the linker wrote.

import assert from "node:assert/strict";
import test from "node:test";

import { nodeGlue, replaceExactly, webGlue } from "./glue.mjs";
import { missingKernels, parseKernelList, parseSymbolMap } from "./kernels.mjs";
import { measure } from "./sizes.mjs";

test("the options of the web glue's threads become literal, with a name per variant", () => {
  const source = 'worker=new Worker(new URL("heed-threads.mjs",import.meta.url),workerOptions);';
  assert.equal(
    webGlue(source, "threads"),
    'worker=new Worker(new URL("heed-threads.mjs",import.meta.url),{type:"module",name:"em-pthread-threads"});',
  );
  assert.equal(webGlue("no threads here", "simd"), "no threads here");
});

test("glue without exactly one place to change stops the build", () => {
  assert.throws(() => webGlue("nothing", "threads"), /expected 1 of .* found 0/);
  assert.throws(() => webGlue("a,workerOptions) b,workerOptions)", "relaxed-threads"), /found 2/);
  assert.throws(() => replaceExactly("aa", "a", "b", 1, "file"), /file: expected 1/);
});

test("the Node glue names the one .wasm that is shipped", () => {
  const source = 'f="heed-simd.node.wasm";new URL("heed-simd.node.wasm",import.meta.url)';
  assert.equal(nodeGlue(source, "simd"), 'f="heed-simd.wasm";new URL("heed-simd.wasm",import.meta.url)');
  assert.throws(() => nodeGlue('f="heed-simd.wasm"', "simd"), /found 0/);
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

test("the list of kernels allows comments and empty lines", () => {
  assert.deepEqual(parseKernelList("# heading\n\nkernel_a # reason\n  kernel_b\n"), ["kernel_a", "kernel_b"]);
});

test("sizes are those of the compressed bytes", () => {
  const { raw, gzip, brotli } = measure(Buffer.alloc(100_000, "heed "));
  assert.equal(raw, 100_000);
  assert.ok(gzip < 1_000 && brotli < gzip);
});
