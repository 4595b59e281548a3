// Numbers with fewer bits: the emulation of cpp/theory/number_format.hpp, the only one there is, as the module has it.
// `heed.theory.rounded` is the same with its parameters checked, which is slow for some hundred million numbers.

import { readFileSync } from "node:fs";

const glue = new URL("../../dist/glue/", import.meta.url);
const { default: start } = await import(new URL("heed.node.mjs", glue).href);
const module = await start({
  wasmMemory: new WebAssembly.Memory({ initial: 256, maximum: 512 }),
  wasmBinary: readFileSync(new URL("heed-simd.wasm", glue)),
});

/** precision: bits of the significand; code: the format's place in `NumberFormat`. fp8 is e4m3. */
export const formats = {
  f32: { precision: 24, code: 1 },
  bf16: { precision: 8, code: 2 },
  f16: { precision: 11, code: 3 },
  fp8: { precision: 4, code: 4 },
};

/** The nearest number of the format, ties to even; beyond its largest number, that one. */
export const roundTo = ({ code }, x) => module.rounded(x, code);
