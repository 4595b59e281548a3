/** `@huggingface/tokenizers`, which the build puts beside the package's code. */
declare module "*tokenizers.mjs" {
  const library: import("../model/text.js").TokenizersLibrary;
  export default library;
}

/** The generated loaders, which it puts there too. */
declare module "*.mjs" {
  const factory: import("../runtime/raw-module.js").RawFactory;
  export default factory;
}
