/** The small language model that comes with the lab, tiny-llama-16k as bytes (assets/decoder/README.md). */
import configUrl from "../assets/decoder/config.json?url";
import manifest from "../assets/decoder/manifest.json";
import first from "../assets/decoder/model-00001-of-00002.safetensors?url";
import second from "../assets/decoder/model-00002-of-00002.safetensors?url";
import tokenizerUrl from "../assets/decoder/tokenizer.json?url";
import tokenizerConfigUrl from "../assets/decoder/tokenizer_config.json?url";
import { openFileStore } from "./file-store.js";
import { isKept, loadFiles, type FileProgress } from "./load-files.js";
import type { ModelFiles } from "./model-files.js";

const addresses: Record<string, string> = {
  "config.json": configUrl,
  "tokenizer.json": tokenizerUrl,
  "tokenizer_config.json": tokenizerConfigUrl,
  "model-00001-of-00002.safetensors": first,
  "model-00002-of-00002.safetensors": second,
};

export const bundledName = "tiny-llama-16k";
export const bundledBytes = manifest.files.reduce((sum, { bytes }) => sum + bytes, 0);

export interface BundledModel extends ModelFiles {
  /** Where it stays, or why every visit asks the network again. */
  note: string;
  kept: boolean;
}

/** @throws the signal's reason, or an error that names a file */
export async function bundledModel(options: {
  signal: AbortSignal;
  onProgress: (progress: FileProgress) => void;
}): Promise<BundledModel> {
  const store = await openFileStore();
  const { files, fetched, kept } = await loadFiles(manifest.files, {
    ...options,
    store,
    addressOf: (name) => new URL(addresses[name]!, document.baseURI),
  });
  const of = (name: string): Blob => files.get(name)!;
  return {
    name: bundledName,
    config: of("config.json"),
    weights: manifest.files.filter(({ name }) => name.endsWith(".safetensors")).map(({ name }) => of(name)),
    tokenizer: of("tokenizer.json"),
    tokenizerConfig: of("tokenizer_config.json"),
    kept,
    note: kept
      ? `Kept on this device, in the browser's ${store!.kind}${fetched === 0 ? "; nothing was fetched" : ""}`
      : "This browser keeps no files for the page, so it is fetched at every visit",
  };
}

/** Whether a former visit left it here. */
export async function bundledIsKept(): Promise<boolean> {
  return isKept(manifest.files, await openFileStore());
}

/** Takes it off this device. */
export async function forgetBundled(): Promise<void> {
  const store = await openFileStore();
  for (const key of (await store?.keys()) ?? []) await store?.delete(key);
}
