/** The part of `create`'s options that the worker needs, in a form that can be posted. */
import type { CreateOptions, WasmSource } from "../options.js";
import { moduleStems, type ModuleName } from "../runtime/variants.js";
import { responseBytes, sourceOf } from "../runtime/wasm-source.js";
import type { LoadArguments, PostedSource } from "./protocol.js";

async function postable(wasm: WasmSource, resolve: (address: string | URL) => URL): Promise<PostedSource> {
  if (wasm instanceof WebAssembly.Module) return wasm;
  // The worker's own address would resolve a relative one differently.
  if (typeof wasm === "string" || wasm instanceof URL) return resolve(wasm).href;
  if (wasm instanceof ArrayBuffer) return new Uint8Array(wasm.slice(0));
  if (ArrayBuffer.isView(wasm)) return new Uint8Array(new Uint8Array(wasm.buffer, wasm.byteOffset, wasm.byteLength));
  return responseBytes(wasm);
}

async function postableSources(
  wasm: CreateOptions["wasm"],
  resolve: (address: string | URL) => URL,
): Promise<LoadArguments["wasm"]> {
  const sources: LoadArguments["wasm"] = {};
  for (const name of Object.keys(moduleStems) as ModuleName[]) {
    const source = sourceOf(name, wasm);
    if (source !== undefined) sources[name] = await postable(source, resolve);
  }
  return sources;
}

/** @throws {HeedError} `load-failed` for a response that is none */
export async function loadArguments(
  options: CreateOptions,
  resolve: (address: string | URL) => URL,
): Promise<LoadArguments> {
  const { variant, threads, maximumMemory, studies, wasm } = options;
  return {
    ...(variant === undefined ? {} : { variant }),
    ...(threads === undefined ? {} : { threads }),
    ...(maximumMemory === undefined ? {} : { maximumMemory }),
    ...(studies === undefined ? {} : { studies }),
    ...(wasm === undefined ? {} : { wasm: await postableSources(wasm, resolve) }),
  };
}
