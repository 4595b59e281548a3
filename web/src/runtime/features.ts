/**
 * What this engine can do. Instructions and addresses are asked by validating the smallest module that uses them: one
 * unknown instruction makes a whole module invalid, so the question has to come before the choice of a file.
 */
export interface Features {
  /** 128-bit SIMD. */
  simd: boolean;
  /** Fused multiply-add and its like. */
  relaxedSimd: boolean;
  /** Memory can be shared between threads here: always in Node, in browsers only when cross-origin isolated. */
  threads: boolean;
  /** Addresses of 64 bits. */
  memory64: boolean;
}

const header = [0, 97, 115, 109, 1, 0, 0, 0];
/** One function of type () -> v128. */
const oneFunction = [1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0];
/** i32.const 0, i8x16.splat, i8x16.popcnt */
const simdBody = [10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11];
/**
 * One of each kind that our builds use, on zeros: f32x4.relaxed_madd, i16x8.relaxed_dot_i8x16_i7x16_s and
 * i32x4.relaxed_dot_i8x16_i7x16_add_s. WebKit's relaxed SIMD has the first and not the others.
 */
const zeros = [65, 0, 253, 15];
const relaxedCode = [
  ...[...zeros, ...zeros, ...zeros, 253, 133, 2],
  ...[...zeros, 253, 146, 2],
  ...[...zeros, ...zeros, 253, 147, 2],
];
const relaxedBody = [10, relaxedCode.length + 4, 1, relaxedCode.length + 2, 0, ...relaxedCode, 11];
/** A table of functions and a memory of one page, both indexed by i64. */
const wideSections = [4, 4, 1, 112, 4, 0, 5, 3, 1, 4, 1];

function validates(...sections: readonly number[]): boolean {
  return typeof WebAssembly === "object" && WebAssembly.validate(new Uint8Array([...header, ...sections]));
}

function sharesMemory(): boolean {
  if (typeof SharedArrayBuffer === "undefined") return false;
  // Engines without this property (Node) share memory without conditions.
  return typeof crossOriginIsolated === "undefined" || crossOriginIsolated;
}

/** Asks the engine. Cheap: three modules of some fifty bytes. */
export function probeFeatures(): Features {
  return {
    simd: validates(...oneFunction, ...simdBody),
    relaxedSimd: validates(...oneFunction, ...relaxedBody),
    threads: sharesMemory(),
    memory64: validates(...wideSections),
  };
}
