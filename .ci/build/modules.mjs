// The WebAssembly modules, as in cpp/bindings/CMakeLists.txt and web/src/runtime/variants.ts: the beginning of their
// file names, by the name that cpp/kernels.txt knows them by.

export const modules = { core: "heed", study: "heed-study", model: "heed-model" };

/** What is built of a variant, name and stem: simulations need no memory of 64-bit addresses. */
export const modulesOf = (variant) =>
  Object.entries(modules).filter(([name]) => name !== "study" || !variant.endsWith("-64"));
