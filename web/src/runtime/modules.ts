/**
 * The modules of one instance: the core, which `create` loads, and those beside it, each loaded once, when it is
 * wanted.
 *
 * A module knows nothing of the others: it has its own memory and threads, so a Tensor of one is none of another.
 */
import { HeedError } from "../errors.js";
import type { WasmSource, WasmSources } from "../options.js";
import type { MemoryUse } from "../results.js";
import { loadBeside, type ModuleOptions, type Watch } from "./load.js";
import type { Platform } from "./platform.js";
import type { RawModules, Runtime } from "./runtime.js";
import type { ModuleName } from "./variants.js";
import { sourceOf } from "./wasm-option.js";

/** A module that is not the core, by name. */
export type BesideName = Exclude<ModuleName, "core">;

type Beside = { [Name in BesideName]?: Runtime<RawModules[Name]> };

/** What loads a module. */
const needOf: Record<BesideName, string> = { study: "create({ studies: true })", model: "heed.Decoder.load" };

export class Modules {
  readonly #beside: Beside = {};

  constructor(
    readonly platform: Platform,
    readonly core: Runtime,
    readonly options: ModuleOptions,
  ) {}

  /**
   * Does nothing for one that is there. `source`: where it comes from, unless the caller of `create` has said it.
   *
   * @throws {HeedError} `load-failed`, `out-of-memory`, or the signal's reason
   */
  async load(name: BesideName, watch: Watch, source?: WasmSource): Promise<void> {
    this.core.assertAlive();
    if (this.#beside[name]) return;
    const from = sourceOf(name, this.options.wasm) ?? source;
    const wasm: WasmSources = from === undefined ? {} : { [name]: from };
    const runtime = await loadBeside(this.platform, name, this.core.info, { ...this.options, ...watch, wasm });
    Object.assign(this.#beside, { [name]: runtime });
  }

  /** One that was loaded. @throws {HeedError} `invalid-argument` when it was not */
  beside<Name extends BesideName>(name: Name): Runtime<RawModules[Name]> {
    this.core.assertAlive();
    const runtime = this.#beside[name];
    if (runtime) return runtime;
    throw new HeedError(
      "invalid-argument",
      `the ${name} module was not loaded, because ${needOf[name]} was not called; this call needs it`,
    );
  }

  /** Of all modules together. */
  memory(): MemoryUse {
    const uses = [this.core, ...Object.values(this.#beside)].map((runtime) => runtime.memory());
    const sum = (of: keyof MemoryUse) => uses.reduce((bytes, use) => bytes + use[of], 0);
    return { liveBytes: sum("liveBytes"), totalBytes: sum("totalBytes") };
  }

  /** Ends them all. A second call does nothing. */
  dispose(): void {
    try {
      this.core.dispose();
    } finally {
      for (const runtime of Object.values(this.#beside)) runtime.dispose();
    }
  }
}
