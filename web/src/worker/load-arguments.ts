/** The part of `create`'s options that the worker needs, in a form that can be posted. */
import type { CreateOptions, WasmSource } from "../options.js";
import { responseBytes } from "../runtime/wasm-source.js";
import type { LoadArguments } from "./protocol.js";

async function postable(
  wasm: WasmSource,
  resolve: (address: string | URL) => URL,
): Promise<NonNullable<LoadArguments["wasm"]>> {
  if (wasm instanceof WebAssembly.Module) return wasm;
  // The worker's own address would resolve a relative one differently.
  if (typeof wasm === "string" || wasm instanceof URL) return resolve(wasm).href;
  if (wasm instanceof ArrayBuffer) return new Uint8Array(wasm.slice(0));
  if (ArrayBuffer.isView(wasm)) return new Uint8Array(new Uint8Array(wasm.buffer, wasm.byteOffset, wasm.byteLength));
  return responseBytes(wasm);
}

/** @throws {HeedError} `load-failed` for a response that is none */
export async function loadArguments(
  options: CreateOptions,
  resolve: (address: string | URL) => URL,
): Promise<LoadArguments> {
  const { variant, threads, maximumMemory, wasm } = options;
  return {
    ...(variant === undefined ? {} : { variant }),
    ...(threads === undefined ? {} : { threads }),
    ...(maximumMemory === undefined ? {} : { maximumMemory }),
    ...(wasm === undefined ? {} : { wasm: await postable(wasm, resolve) }),
  };
}
