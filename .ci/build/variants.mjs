// The WebAssembly variants, as in web/src/runtime/variants.ts and the presets of CMakePresets.json.

export const variants = ["simd", "relaxed", "threads", "relaxed-threads", "relaxed-threads-64"];
