/** The files of a model, and which of the files that a reader drops are what. Contents are checked by heed. */

export interface ModelFiles {
  name: string;
  config: Blob;
  weights: readonly Blob[];
  tokenizer: Blob;
  tokenizerConfig?: Blob;
}

/** What a drop may hold. */
export const accepted = ".safetensors,.json";

/** @throws an error that says what is missing */
export function sortFiles(files: readonly File[]): ModelFiles {
  const named = (name: string): File | undefined => files.find((file) => file.name === name);
  const weights = files.filter(({ name }) => name.endsWith(".safetensors"));
  const index = files.find(({ name }) => name.endsWith(".safetensors.index.json"));
  const [config, tokenizer, tokenizerConfig] = ["config.json", "tokenizer.json", "tokenizer_config.json"].map(named);
  const missing = [
    ...(config === undefined ? ["config.json"] : []),
    ...(weights.length === 0 ? ["a .safetensors file"] : []),
    ...(tokenizer === undefined ? ["tokenizer.json"] : []),
  ];
  if (config === undefined || tokenizer === undefined || missing.length > 0) {
    const got = files.length === 0 ? "nothing was chosen" : `there is ${files.map(({ name }) => name).join(", ")}`;
    throw new Error(`A model needs ${listed(missing)} as well; ${got}. Drop all of its files together`);
  }
  return {
    name: weights.length === 1 ? weights[0]!.name : `${weights[0]!.name} and ${weights.length - 1} more`,
    config,
    // The index lets heed say which files it names that were not dropped.
    weights: index === undefined ? weights : [index, ...weights],
    tokenizer,
    ...(tokenizerConfig && { tokenizerConfig }),
  };
}

function listed(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names.at(-1)}`;
}
