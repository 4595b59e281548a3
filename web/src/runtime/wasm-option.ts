/** What the option `wasm` names, for pages too, whose worker compiles it. */
import { HeedError, reasonOf } from "../errors.js";
import type { CreateOptions, WasmSource } from "../options.js";
import type { ModuleName } from "./variants.js";

/** Whether a caller's option is a source, rather than an object of them. */
export function isWasmSource(value: unknown): value is WasmSource {
  if (typeof value === "string" || ArrayBuffer.isView(value)) return true;
  const kinds = [URL, ArrayBuffer, WebAssembly.Module, ...(typeof Response === "function" ? [Response] : [])];
  return kinds.some((kind) => value instanceof kind);
}

/** What the caller names for a module: a source alone is the core's. */
export function sourceOf(name: ModuleName, wasm: CreateOptions["wasm"]): WasmSource | undefined {
  if (!isWasmSource(wasm)) return wasm?.[name];
  return name === "core" ? wasm : undefined;
}

/** The body of a response that the caller fetched. @throws {HeedError} `load-failed` */
export async function responseBytes(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const from = response.url || "the Response of the option wasm";
  if (!response.ok) {
    throw new HeedError("load-failed", `${from} was answered with status ${response.status}; 200 is needed`);
  }
  try {
    return new Uint8Array(await response.arrayBuffer());
  } catch (error) {
    throw new HeedError("load-failed", `${from} could not be read: ${reasonOf(error)}`, { cause: error });
  }
}
