/** The generated loaders, which the build puts beside the package's code. */
declare module "*.mjs" {
  const factory: import("../runtime/raw-module.js").RawFactory;
  export default factory;
}

/** `@huggingface/tokenizers`, which the build puts there too. */
declare module "*tokenizers.js" {
  export const Tokenizer: import("../model/text.js").TokenizersLibrary["Tokenizer"];
}
