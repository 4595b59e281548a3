/** How the files that the package's code loads are called. */
import { hasThreads, moduleStems, type ModuleName, type VariantName } from "./variants.js";

type Stem = (typeof moduleStems)[ModuleName];

/** A loader, a module, or `@huggingface/tokenizers`. */
export type FileName = `${Stem}${"" | "-threads"}.mjs` | `${Stem}-${VariantName}.wasm` | "tokenizers.mjs";

/** Addresses by name. */
export type FileAddresses = Readonly<Record<FileName, string>>;

/** Builds that differ in their instructions alone share a loader. */
export function loaderFile(module: ModuleName, variant: VariantName): FileName {
  return `${moduleStems[module]}${hasThreads(variant) ? "-threads" : ""}.mjs`;
}

export function wasmFile(module: ModuleName, variant: VariantName): FileName {
  return `${moduleStems[module]}-${variant}.wasm`;
}
