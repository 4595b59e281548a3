/** The part of `create`'s options that the worker needs, in a form that can be posted. */
import type { CreateOptions, WasmSource } from "../options.js";
import { moduleStems, type ModuleName } from "../runtime/variants.js";
import { responseBytes, sourceOf } from "../runtime/wasm-option.js";
import type { LoadArguments, PostedSource } from "./protocol.js";
import type { WorkerStarter } from "./starter.js";

async function postable(wasm: WasmSource, resolve: (address: string | URL) => URL): Promise<PostedSource> {
  if (wasm instanceof WebAssembly.Module) return wasm;
  // The worker's own address would resolve a relative one differently.
  if (typeof wasm === "string" || wasm instanceof URL) return resolve(wasm).href;
  if (wasm instanceof ArrayBuffer) return new Uint8Array(wasm.slice(0));
  if (ArrayBuffer.isView(wasm)) return new Uint8Array(new Uint8Array(wasm.buffer, wasm.byteOffset, wasm.byteLength));
  return responseBytes(wasm);
}

/** What the caller names, and else what the starter has to add to what is loaded now. */
async function postableSources(
  { wasm, studies }: CreateOptions,
  { resolve, source: added }: WorkerStarter,
): Promise<NonNullable<LoadArguments["wasm"]>> {
  const sources: LoadArguments["wasm"] = {};
  const now: readonly ModuleName[] = studies ? ["core", "study"] : ["core"];
  for (const name of Object.keys(moduleStems) as ModuleName[]) {
    const source = sourceOf(name, wasm);
    if (source !== undefined) sources[name] = await postable(source, resolve);
    else if (added && now.includes(name)) sources[name] = await added(name);
  }
  return sources;
}

/** @throws {HeedError} `load-failed` for a response that is none */
export async function loadArguments(options: CreateOptions, starter: WorkerStarter): Promise<LoadArguments> {
  const { variant, threads, maximumMemory, studies } = options;
  const wasm = await postableSources(options, starter);
  // A worker that the caller put elsewhere has its files beside it.
  const files = options.workerUrl === undefined ? starter.files?.() : undefined;
  return {
    ...(variant === undefined ? {} : { variant }),
    ...(threads === undefined ? {} : { threads }),
    ...(maximumMemory === undefined ? {} : { maximumMemory }),
    ...(studies === undefined ? {} : { studies }),
    ...(Object.keys(wasm).length === 0 ? {} : { wasm }),
    ...(files === undefined ? {} : { files }),
  };
}
