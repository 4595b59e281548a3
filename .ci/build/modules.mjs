// The WebAssembly modules, as in cpp/bindings/CMakeLists.txt and web/src/runtime/variants.ts: the beginning of their
// file names, by the name that cpp/kernels.txt knows them by.

export const modules = { core: "heed", study: "heed-study", model: "heed-model" };
