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
import { rawCodes, type RawModule } from "./raw-module.js";
import type { RawModules } from "./runtime.js";
import type { ModuleName, VariantName } from "./variants.js";

/** Chosen: a busy machine starts 16 threads in a few seconds; one that takes this long will not start them. */
const startLimitMs = 30_000;

export interface InstantiateOptions<Name extends ModuleName = ModuleName> {
  platform: Platform;
  name: Name;
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

function loadFailed({ name, variant }: InstantiateOptions, why: unknown): HeedError {
  if (why instanceof HeedError) return why;
  const what = `the ${name} module of the variant "${variant}"`;
  return new HeedError("load-failed", `${what} did not start: ${reasonOf(why)}`, { cause: why });
}

function loaderOptions(
  options: InstantiateOptions,
  script: URL | undefined,
  failed: (why: unknown) => void,
): StartingModule {
  return {
    // Read by what the build puts into the loader (.ci/build/glue.mjs).
    threadScript: script,
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
      // Also what the loader throws: with another module's file it stops half-way.
      const instance = WebAssembly.instantiate(options.module, imports);
      instance.then((instance) => done(instance, options.module)).catch(failed);
      return {};
    },
  };
}

/** A file of another build or another release is refused before it is used. */
function checkIdentity(raw: RawModule, name: ModuleName, variant: VariantName): void {
  const needed = `the ${name} module of heed ${version} "${variant}"`;
  const found = `the ${raw.module()} module of heed ${raw.version()} "${raw.variant()}"`;
  if (found === needed) return;
  throw new HeedError(
    "load-failed",
    `the wasm file is ${found}, but ${needed} is needed; deploy the files of one release together`,
  );
}

/** @throws {HeedError} `load-failed`, or the signal's reason */
export async function instantiate<Name extends ModuleName>(
  options: InstantiateOptions<Name>,
): Promise<RawModules[Name]> {
  const { platform, name, variant, threads, signal } = options;
  const { factory, script } = await platform.loader(name, variant);
  signal?.throwIfAborted();

  let starting: StartingModule = {};
  let limit: ReturnType<typeof setTimeout> | undefined;
  let aborted: () => void = () => undefined;
  const watches: (() => void)[] = [];
  try {
    const raw = await new Promise<RawModule>((resolve, reject) => {
      const failed = (why: unknown) => reject(loadFailed(options, why));
      aborted = () => reject(signal?.reason);
      signal?.addEventListener("abort", aborted);
      limit = setTimeout(failed, startLimitMs, `no answer within ${startLimitMs / 1000} seconds`);
      starting = loaderOptions(options, script, failed);
      factory(starting).then(resolve, failed);
      const threads = starting.PThread?.unusedWorkers ?? [];
      watches.push(...threads.map((thread) => platform.watchThread(thread, failed)));
    });
    checkIdentity(raw, name, variant);
    const status = raw.startThreads(threads);
    if (rawCodes[status.code] !== "ok") throw loadFailed(options, status.detail);
    // checkIdentity has made sure of it.
    return raw as RawModules[Name];
  } catch (error) {
    starting.PThread?.terminateAllThreads();
    throw signal?.aborted ? error : loadFailed(options, error);
  } finally {
    clearTimeout(limit);
    for (const end of watches) end();
    signal?.removeEventListener("abort", aborted);
  }
}
