/** The options of `create`, checked once for both entries. */
import { HeedError } from "../errors.js";
import type { CreateOptions } from "../options.js";
import { memoryLimits } from "../runtime/memory-limits.js";
import { hasThreads, isWide, moduleStems, variantNames, wideVariant, type ModuleName } from "../runtime/variants.js";
import { isWasmSource } from "../runtime/wasm-option.js";
import { checkListener, checkSignal } from "./call-options.js";
import { checkFlag, checkOptionNames, checkWord, shown } from "./names.js";
import { checkCount } from "./numbers.js";

const names = ["variant", "threads", "studies", "wasm", "workerUrl", "maximumMemory", "signal", "onProgress"] as const;

/** Chosen: beyond this a thread costs memory and brings nothing; a typing error should not start ten thousand. */
const mostThreads = 256;

const moduleNames = Object.keys(moduleStems) as readonly ModuleName[];

/** One source, or an object of them. @throws {HeedError} `invalid-argument` */
function checkWasm(wasm: CreateOptions["wasm"]): void {
  if (wasm === undefined || isWasmSource(wasm)) return;
  const needed = "a URL, a Response, bytes or a WebAssembly.Module is needed";
  if (typeof wasm !== "object" || wasm === null || Array.isArray(wasm)) {
    const sources = `or an object of such sources by module (${moduleNames.join(", ")})`;
    throw new HeedError("invalid-argument", `wasm is ${shown(wasm)}; ${needed}, ${sources}`);
  }
  checkOptionNames("wasm", wasm, moduleNames);
  for (const name of moduleNames) {
    const source: unknown = wasm[name];
    if (source === undefined || isWasmSource(source)) continue;
    throw new HeedError("invalid-argument", `wasm.${name} is ${shown(source)}; ${needed}`);
  }
}

/** @throws {HeedError} `invalid-argument` */
function checkAddresses(maximumMemory: number, variant: CreateOptions["variant"]): void {
  const { mostNarrow } = memoryLimits;
  if (variant === undefined || isWide(variant) || maximumMemory <= mostNarrow) return;
  throw new HeedError(
    "invalid-argument",
    `maximumMemory is ${maximumMemory}, but the variant "${variant}" addresses ${mostNarrow} bytes at most; ` +
      `leave variant out, or choose "${wideVariant}"`,
  );
}

/** @throws {HeedError} `invalid-argument` */
export function checkCreateOptions(options: CreateOptions): void {
  checkOptionNames("create", options, names);
  if (options.variant !== undefined) checkWord("variant", options.variant, variantNames);
  if (options.threads !== undefined) checkCount("threads", options.threads, 1, mostThreads);
  if (options.maximumMemory !== undefined) {
    checkCount("maximumMemory", options.maximumMemory, memoryLimits.least, memoryLimits.most);
    checkAddresses(options.maximumMemory, options.variant);
  }
  checkFlag("studies", options.studies, false);
  checkWasm(options.wasm);
  const { workerUrl } = options;
  if (workerUrl !== undefined && typeof workerUrl !== "string" && !(workerUrl instanceof URL)) {
    throw new HeedError("invalid-argument", `workerUrl is ${shown(workerUrl)}; a URL is needed`);
  }
  if (options.threads !== undefined && options.threads > 1 && options.variant !== undefined) {
    if (!hasThreads(options.variant)) {
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
