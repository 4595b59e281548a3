/**
 * Which builds an engine must be able to run. A test that silently runs fewer proves less than it says, so the lists
 * are written down (vitest.config.ts says what each browser has) and not asked from the library.
 */
import type { VariantName } from "heed";
import { inject } from "vitest";

/** What a page of this engine can use. */
export interface Engine {
  relaxedSimd: boolean;
  /** Of a worker; a window has none. */
  threads: boolean;
  /** Addresses of 64 bits. */
  memory64: boolean;
  /** Files of the origin's own that a window can write. */
  privateFiles: boolean;
}

declare module "vitest" {
  export interface ProvidedContext {
    engine: Engine;
  }
}

declare const process: { versions?: { node?: string } } | undefined;

export const inNode = typeof process !== "undefined" && process?.versions?.node !== undefined;
const nodeVersion = inNode ? Number.parseInt(process?.versions?.node ?? "0", 10) : 0;

const node: Engine = {
  relaxedSimd: nodeVersion >= 22,
  threads: true,
  memory64: nodeVersion >= 24,
  privateFiles: false,
};

export const engine: Engine = inNode ? node : inject("engine");

/** Threads of heed/sync: in Node always, never in a window, where these tests run in browsers. */
export const expectedSync: readonly VariantName[] = variants(inNode);
/** What heed must load here: its worker may start threads when the page is isolated. */
export const expectedAsync: readonly VariantName[] = variants(engine.threads);

/** Whether heed/sync, and heed, must run "relaxed-threads-64" here. It is in no list: it runs where it is asked for. */
export const [wideSync, wideAsync] = [engine.memory64 && inNode, engine.memory64 && engine.threads];

function variants(threads: boolean): VariantName[] {
  const names: VariantName[] = [];
  if (threads && engine.relaxedSimd) names.push("relaxed-threads");
  if (threads) names.push("threads");
  if (engine.relaxedSimd) names.push("relaxed");
  return [...names, "simd"];
}
