/** What every module of the package exports, whatever else it does: memory, threads, identity, and jobs. */

/** Codes in the order of `ErrorCode` in cpp/base/status.hpp. */
export const rawCodes = [
  "ok",
  "invalid-argument",
  "shape-mismatch",
  "out-of-memory",
  "unsupported",
  "internal",
] as const;
export type RawCode = (typeof rawCodes)[number];

export interface RawStatus {
  /** Index into `rawCodes`. */
  code: number;
  /** Names the argument, what it was, what would be legal. Empty when `code` is 0. */
  detail: string;
}

/**
 * Long work, cut into units that depend on the problem alone. `run(from, to)` does the units [from, to) on all threads
 * and returns; units may be run in any batches but in order. `status()` is final after construction.
 */
export interface RawJob {
  status(): RawStatus;
  units(): number;
  run(from: number, to: number): void;
  delete(): void;
}

/** The part that all modules share. */
export interface RawModule {
  readonly wasmMemory: WebAssembly.Memory;
  /** Present in builds with threads. */
  readonly PThread?: { terminateAllThreads(): void };

  /** 64-byte aligned, or 0 when there is no memory left. */
  allocate(bytes: number): number;
  release(address: number): void;
  /** Bytes handed out by `allocate` and not released, and held by jobs. */
  liveBytes(): number;
  /** "core" | "study" | "model" */
  module(): string;
  /** "simd" | "relaxed" | "threads" | "relaxed-threads" | "relaxed-threads-64" */
  variant(): string;
  version(): string;
  /** Threads that work, the caller included. 1 in builds without threads. Called once, before any job. */
  startThreads(threads: number): RawStatus;
  stopThreads(): void;
  /** Widens `count` IEEE half floats at `from` (u16) to f32 at `to`. */
  widenHalf(from: number, to: number, count: number): void;
}

/** The default export of every glue file. */
export type RawFactory<Raw extends RawModule = RawModule> = (options: Record<string, unknown>) => Promise<Raw>;
