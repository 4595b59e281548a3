/**
 * One running module: its raw functions, its memory and its state.
 *
 * States: alive -> disposed (by the owner) or dead (the module stopped: with exceptions off, a broken invariant ends in
 * a trap that leaves its memory undefined, so nothing may run on it afterwards).
 */
import { HeedError, reasonOf, type HeedErrorCode } from "../errors.js";
import type { Info, MemoryUse } from "../results.js";
import { Heap } from "./heap.js";
import { rawCodes, type RawModule, type RawStatus } from "./raw-module.js";
import type { RawCore } from "./raw.js";
import type { RawModelModule } from "./raw-model.js";
import type { RawStudy } from "./raw-study.js";

/** The core unless another module is named; what works on any takes an AnyRuntime. */
export class Runtime<Raw extends RawModule = RawCore> {
  readonly heap: Heap;
  #dead: string | undefined;
  #disposed = false;

  constructor(
    readonly raw: Raw,
    memory: WebAssembly.Memory,
    readonly info: Info,
  ) {
    this.heap = new Heap(memory);
  }

  get alive(): boolean {
    return !this.#disposed && this.#dead === undefined;
  }

  /** @throws {HeedError} `disposed`, `internal` */
  assertAlive(): void {
    if (this.#disposed) throw new HeedError("disposed", "this instance was disposed; create a new one");
    if (this.#dead !== undefined) {
      throw new HeedError("internal", `this instance stopped earlier (${this.#dead}); create a new one`);
    }
  }

  markDead(why: string): void {
    this.#dead ??= why;
  }

  /** Runs calls of the module. What escapes them, other than our own errors, is a trap: the instance is dead then. */
  guard<T>(work: () => T): T {
    this.assertAlive();
    try {
      return work();
    } catch (error) {
      if (error instanceof HeedError) throw error;
      this.markDead(reasonOf(error));
      throw new HeedError("internal", `the module stopped: ${reasonOf(error)}; create a new instance`, {
        cause: error,
      });
    }
  }

  /** 64-byte aligned. @throws {HeedError} `out-of-memory` */
  allocate(bytes: number, what: string): number {
    const address = this.guard(() => this.raw.allocate(Math.max(bytes, 1)));
    if (address === 0) {
      throw new HeedError(
        "out-of-memory",
        `there is no room for ${bytes} bytes (${what}) in the module's memory, which holds ${this.heap.bytes} bytes ` +
          "and can grow no further; raise maximumMemory or split the call",
      );
    }
    return address;
  }

  release(address: number): void {
    this.guard(() => this.raw.release(address));
  }

  /** @throws {HeedError} what the module reported, if it did */
  check(status: RawStatus): void {
    const code = rawCodes[status.code] ?? "internal";
    if (code !== "ok") throw new HeedError(code satisfies HeedErrorCode, status.detail);
  }

  memory(): MemoryUse {
    return { liveBytes: this.guard(() => this.raw.liveBytes()), totalBytes: this.heap.bytes };
  }

  /** Ends the threads. The memory goes when nothing refers to it any more. A second call does nothing. */
  dispose(): void {
    if (this.#disposed) return;
    try {
      // A dead module's threads may wait for ever: they are terminated, not joined.
      if (this.#dead === undefined) this.guard(() => this.raw.stopThreads());
    } finally {
      this.raw.PThread?.terminateAllThreads();
      this.#disposed = true;
    }
  }
}

/** What each module exports. */
export interface RawModules {
  core: RawCore;
  study: RawStudy;
  model: RawModelModule;
}

/** Any module, seen as what all of them have. */
export type AnyRuntime = Runtime<RawModule>;

/** The module that runs the simulations. */
export type StudyRuntime = Runtime<RawStudy>;

/** The module that runs language models. */
export type ModelRuntime = Runtime<RawModelModule>;
