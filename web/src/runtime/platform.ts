/**
 * What differs between a browser and Node when a module is loaded. platforms/web.ts and platforms/node.ts implement it,
 * so that no `node:` specifier is reachable from a web entry (bundlers stop at one).
 */
import type { FileAddresses } from "./file-names.js";
import type { OpenAddress } from "../model/source-of.js";
import type { TokenizersLibrary } from "../model/text.js";
import type { Progress } from "../options.js";
import type { RawFactory } from "./raw-module.js";
import type { ModuleName, VariantName } from "./variants.js";

export interface ReadOptions {
  signal: AbortSignal | undefined;
  onProgress: ((progress: Progress) => void) | undefined;
}

/** A generated loader, and the address that its threads start from (undefined where it starts none). */
export interface Loader {
  factory: RawFactory;
  script: URL | undefined;
}

export interface Platform {
  /** The loader of one build of a module. Builds that differ in their instructions alone share one. */
  loader(module: ModuleName, variant: VariantName): Promise<Loader>;
  /** The same place, with the package's files where a page says. Only the worker of a page is told. */
  filesAt?(addresses: FileAddresses): Platform;
  /** Where the build's wasm file lies. */
  wasmUrl(module: ModuleName, variant: VariantName): URL;
  /** A file's bytes. Rejects with `load-failed`, naming the address. */
  read(url: URL, options: ReadOptions): Promise<Uint8Array<ArrayBuffer>>;
  /** `@huggingface/tokenizers`, which lies beside the package's code. */
  tokenizers(): Promise<TokenizersLibrary>;
  /** A file of a model. */
  open: OpenAddress;
  /** A caller's address, resolved as this place resolves relative ones. */
  resolve(address: string | URL): URL;
  /** Why threads cannot run where this code runs, in a sentence; undefined when they can. */
  threadsRefusal(): string | undefined;
  hardwareThreads(): number;
  /** Calls `failed` when a thread cannot start. `thread` is what the glue created. Returns what ends the watching. */
  watchThread(thread: unknown, failed: (why: string) => void): () => void;
}
