/**
 * Which builds an engine must be able to run. A test that silently runs fewer proves less than it says, so the lists
 * are written down and not asked from the library.
 */
import type { VariantName } from "heed";

declare const process: { versions?: { node?: string } } | undefined;

export const inNode = typeof process !== "undefined" && process?.versions?.node !== undefined;
const nodeVersion = inNode ? Number.parseInt(process?.versions?.node ?? "0", 10) : 0;

/** Relaxed SIMD: Node 22 and later, Chromium, Firefox. */
const relaxed = !inNode || nodeVersion >= 22;
/** Threads of heed/sync: in Node always, never in a window, where these tests run in browsers. */
const sharesMemory = inNode || crossOriginIsolated;

/** What heed/sync must load here. */
export const expectedSync: readonly VariantName[] = variants(inNode);
/** What heed must load here: its worker may start threads when the page is isolated. */
export const expectedAsync: readonly VariantName[] = variants(sharesMemory);

/** Addresses of 64 bits: Node 24 and later, Chromium, Firefox. That build is in no list: it runs where it is asked for. */
const memory64 = !inNode || nodeVersion >= 24;
/** Whether heed/sync, and heed, must run "relaxed-threads-64" here. */
export const [wideSync, wideAsync] = [memory64 && inNode, memory64 && sharesMemory];

function variants(threads: boolean): VariantName[] {
  const names: VariantName[] = [];
  if (threads && relaxed) names.push("relaxed-threads");
  if (threads) names.push("threads");
  if (relaxed) names.push("relaxed");
  return [...names, "simd"];
}
