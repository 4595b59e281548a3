/**
 * From a compiled module to a running one, or to an error with nothing left behind.
 *
 * The generated loader never settles when a thread cannot start or when instantiation fails, and leaves its threads
 * running when it rejects. So: the failures that it keeps to itself are reported from here, there is a time limit, and
 * the threads of a failed start are ended. The options object becomes the module object, which is how they can be
 * reached before the loader has answered; hence a fresh one for every start.
 */
import { HeedError, reasonOf } from "../errors.js";
import { version } from "../version.js";
import type { Platform } from "./platform.js";
import { rawCodes, type RawModule } from "./raw.js";
import type { VariantName } from "./variants.js";

/** Chosen: a busy machine starts 16 threads in a few seconds; one that takes this long will not start them. */
const startLimitMs = 30_000;

export interface InstantiateOptions {
  platform: Platform;
  variant: VariantName;
  module: WebAssembly.Module;
  memory: WebAssembly.Memory;
  /** Threads that work, the caller's included. */
  threads: number;
  signal: AbortSignal | undefined;
  /** The module stopped by itself. */
  onAbort: (why: string) => void;
}

/** The loader's options, and what it adds to them while it starts. */
interface StartingModule extends Record<string, unknown> {
  PThread?: { unusedWorkers?: unknown[]; terminateAllThreads(): void };
}

function loadFailed(variant: VariantName, why: unknown): HeedError {
  if (why instanceof HeedError) return why;
  return new HeedError("load-failed", `the variant "${variant}" did not start: ${reasonOf(why)}`, { cause: why });
}

function loaderOptions(options: InstantiateOptions, failed: (why: unknown) => void): StartingModule {
  return {
    wasmMemory: options.memory,
    poolSize: options.threads - 1,
    print: () => undefined,
    printErr: () => undefined,
    onAbort: (why: unknown) => {
      options.onAbort(reasonOf(why));
      failed(why);
    },
    instantiateWasm: (imports: WebAssembly.Imports, done: (i: WebAssembly.Instance, m: WebAssembly.Module) => void) => {
      // The second argument lets the threads use the same compiled module.
      WebAssembly.instantiate(options.module, imports).then((instance) => done(instance, options.module), failed);
      return {};
    },
  };
}

/** A file of another build or another release is refused before it is used. */
function checkIdentity(raw: RawModule, variant: VariantName): void {
  const found = { variant: raw.variant(), version: raw.version() };
  if (found.variant === variant && found.version === version) return;
  throw new HeedError(
    "load-failed",
    `the wasm file is heed ${found.version} "${found.variant}", but heed ${version} "${variant}" is needed; ` +
      "deploy the files of one release together",
  );
}

/** @throws {HeedError} `load-failed`, or the signal's reason */
export async function instantiate(options: InstantiateOptions): Promise<RawModule> {
  const { platform, variant, threads, signal } = options;
  const factory = await platform.glue(variant);
  signal?.throwIfAborted();

  let starting: StartingModule = {};
  let limit: ReturnType<typeof setTimeout> | undefined;
  let aborted: () => void = () => undefined;
  const watches: (() => void)[] = [];
  try {
    const raw = await new Promise<RawModule>((resolve, reject) => {
      const failed = (why: unknown) => reject(loadFailed(variant, why));
      aborted = () => reject(signal?.reason);
      signal?.addEventListener("abort", aborted);
      limit = setTimeout(failed, startLimitMs, `no answer within ${startLimitMs / 1000} seconds`);
      starting = loaderOptions(options, failed);
      factory(starting).then(resolve, failed);
      const threads = starting.PThread?.unusedWorkers ?? [];
      watches.push(...threads.map((thread) => platform.watchThread(thread, failed)));
    });
    checkIdentity(raw, variant);
    const status = raw.startThreads(threads);
    if (rawCodes[status.code] !== "ok") throw loadFailed(variant, status.detail);
    return raw;
  } catch (error) {
    starting.PThread?.terminateAllThreads();
    throw signal?.aborted ? error : loadFailed(variant, error);
  } finally {
    clearTimeout(limit);
    for (const end of watches) end();
    signal?.removeEventListener("abort", aborted);
  }
}
