/** How the files that the package's code loads are called. */
import { hasThreads, isWide, moduleStems, type ModuleName, type VariantName, type wideVariant } from "./variants.js";

type Stem = (typeof moduleStems)[ModuleName];
type Wide = typeof wideVariant;
/** Of modules that have a build with addresses of 64 bits. */
type WideStem = (typeof moduleStems)[Exclude<ModuleName, "study">];

export type LoaderName = `${Stem}${"" | "-threads"}.mjs` | `${WideStem}-threads-64.mjs`;
export type WasmName = `${Stem}-${Exclude<VariantName, Wide>}.wasm` | `${WideStem}-${Wide}.wasm`;

/** A loader, a module, or `@huggingface/tokenizers`. */
export type FileName = LoaderName | WasmName | "tokenizers.mjs";

/** Addresses by name. */
export type FileAddresses = Readonly<Record<FileName, string>>;

/** Builds that differ in their instructions alone share a loader. `variant`: one that the module has. */
export function loaderFile(module: ModuleName, variant: VariantName): LoaderName {
  const end = `${hasThreads(variant) ? "-threads" : ""}${isWide(variant) ? "-64" : ""}`;
  return `${moduleStems[module]}${end}.mjs` as LoaderName;
}

/** `variant`: one that the module has. */
export function wasmFile(module: ModuleName, variant: VariantName): WasmName {
  return `${moduleStems[module]}-${variant}.wasm` as WasmName;
}
