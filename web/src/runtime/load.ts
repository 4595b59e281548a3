/**
 * Loading: probe, choose a variant, compile, start; and one thread with a stated reason where threads cannot run.
 *
 * Threads are never required: a page that is not cross-origin isolated, a window that must not block, or an engine that
 * refuses to start them gets the same functions on one thread, and `info.reason` says why.
 */
import { reasonOf } from "../errors.js";
import type { CreateOptions } from "../options.js";
import type { Info } from "../results.js";
import { choose, type Choice } from "./choose.js";
import { probeFeatures, type Features } from "./features.js";
import { instantiate } from "./instantiate.js";
import { createMemory } from "./memory.js";
import type { Platform } from "./platform.js";
import { Runtime, type RawModules } from "./runtime.js";
import { chooseVariant, hasThreads, isWide, variantBeside, type ModuleName, type VariantName } from "./variants.js";
import { sourceOf } from "./wasm-option.js";
import { compileSource } from "./wasm-source.js";

/** What every module of an instance is loaded with. */
export type ModuleOptions = Pick<CreateOptions, "wasm" | "maximumMemory">;

/** How one loading is watched. */
export type Watch = Pick<CreateOptions, "signal" | "onProgress">;

async function start<Name extends ModuleName>(
  platform: Platform,
  name: Name,
  choice: Choice & { features: Features },
  options: ModuleOptions & Watch,
): Promise<Runtime<RawModules[Name]>> {
  const { variant, threads, reason, features } = choice;
  const { signal, onProgress } = options;
  const source = sourceOf(name, options.wasm);
  const module = await compileSource(platform, name, variant, source, { signal, onProgress });
  signal?.throwIfAborted();

  onProgress?.({ phase: "start", loaded: 0, total: threads });
  const memory = createMemory(options.maximumMemory, variant);
  const started: { runtime?: Runtime<RawModules[Name]> } = {};
  const onAbort = (why: string) => started.runtime?.markDead(why);
  const raw = await instantiate({ platform, name, variant, module, memory, threads, signal, onAbort });
  const info: Info = { version: raw.version(), variant, threads, reason, features };
  const runtime = new Runtime(raw, memory, info);
  started.runtime = runtime;
  onProgress?.({ phase: "start", loaded: threads, total: threads });
  return runtime;
}

/** The build without threads that may stand in, or undefined when the caller's choice forbids it. */
function standIn(choice: Choice, features: Features, options: CreateOptions): VariantName | undefined {
  if (!hasThreads(choice.variant) || options.variant !== undefined || options.wasm !== undefined) return undefined;
  if (isWide(choice.variant)) return undefined;
  return chooseVariant({ ...features, threads: false });
}

/** The core. @throws {HeedError} `unsupported`, `load-failed`, `out-of-memory`, or the signal's reason */
export async function load(platform: Platform, options: CreateOptions): Promise<Runtime> {
  options.signal?.throwIfAborted();
  const features = probeFeatures();
  const choice = choose(features, platform.threadsRefusal(), platform.hardwareThreads(), options);
  try {
    return await start(platform, "core", { ...choice, features }, options);
  } catch (error) {
    // Node wraps the reason in an error of its own.
    options.signal?.throwIfAborted();
    const variant = standIn(choice, features, options);
    if (variant === undefined) throw error;
    const reason = `threads did not start: ${reasonOf(error)}`;
    return start(platform, "core", { variant, threads: 1, reason, features }, options);
  }
}

/**
 * Another module beside a core that runs: its variant (variantBeside) and as many threads, with a memory of its own.
 *
 * @throws {HeedError} `load-failed`, `out-of-memory`, or the signal's reason
 */
export function loadBeside<Name extends ModuleName>(
  platform: Platform,
  name: Name,
  core: Info,
  options: ModuleOptions & Watch,
): Promise<Runtime<RawModules[Name]>> {
  options.signal?.throwIfAborted();
  return start(platform, name, { ...core, variant: variantBeside(core.variant, name) }, options);
}
