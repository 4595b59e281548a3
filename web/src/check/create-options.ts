/** The options of `create`, checked once for both entries. */
import { HeedError } from "../errors.js";
import type { CreateOptions } from "../options.js";
import { memoryLimits } from "../runtime/memory.js";
import { variantNames } from "../runtime/variants.js";
import { checkListener, checkSignal } from "./call-options.js";
import { checkOptionNames, checkWord, shown } from "./names.js";
import { checkCount } from "./numbers.js";

const names = ["variant", "threads", "wasm", "workerUrl", "maximumMemory", "signal", "onProgress"] as const;

/** Chosen: beyond this a thread costs memory and brings nothing; a typing error should not start ten thousand. */
const mostThreads = 256;

function isWasmSource(value: unknown): boolean {
  if (typeof value === "string" || ArrayBuffer.isView(value)) return true;
  const kinds = [URL, ArrayBuffer, WebAssembly.Module, ...(typeof Response === "function" ? [Response] : [])];
  return kinds.some((kind) => value instanceof kind);
}

/** @throws {HeedError} `invalid-argument` */
export function checkCreateOptions(options: CreateOptions): void {
  checkOptionNames("create", options, names);
  if (options.variant !== undefined) checkWord("variant", options.variant, variantNames);
  if (options.threads !== undefined) checkCount("threads", options.threads, 1, mostThreads);
  if (options.maximumMemory !== undefined) {
    checkCount("maximumMemory", options.maximumMemory, memoryLimits.least, memoryLimits.most);
  }
  if (options.wasm !== undefined && !isWasmSource(options.wasm)) {
    throw new HeedError(
      "invalid-argument",
      `wasm is ${shown(options.wasm)}; a URL, a Response, bytes or a WebAssembly.Module is needed`,
    );
  }
  const { workerUrl } = options;
  if (workerUrl !== undefined && typeof workerUrl !== "string" && !(workerUrl instanceof URL)) {
    throw new HeedError("invalid-argument", `workerUrl is ${shown(workerUrl)}; a URL is needed`);
  }
  if (options.threads !== undefined && options.threads > 1 && options.variant !== undefined) {
    const single = options.variant === "simd" || options.variant === "relaxed";
    if (single) {
      throw new HeedError(
        "invalid-argument",
        `threads is ${options.threads}, but the variant "${options.variant}" has one thread; ` +
          'leave one of them out, or choose "threads" or "relaxed-threads"',
      );
    }
  }
  checkSignal(options.signal);
  checkListener(options.onProgress);
}
