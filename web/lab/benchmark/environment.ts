/** What a run was measured on, as far as a page can know. */
import { version } from "heed";
import { browserName } from "../framework/provenance.js";
import type { PageEngine } from "./page-engine.js";

export interface Environment {
  heed: string;
  browser: string;
  userAgent: string;
  cores: number;
  /** As the browser rounds it; not all say. */
  memoryGiB: number | undefined;
  /** Whether the page is cross-origin isolated: only then are there threads and a fine clock. */
  isolated: boolean;
  /** Milliseconds between two readings of a worker's clock. */
  timerStep: number;
}

export async function describeEnvironment(engine: PageEngine): Promise<Environment> {
  const session = await engine.open({ module: "harness/candidates/timer_step.mjs" });
  await session.open({});
  const { step } = await session.ask("measure");
  await session.close();
  return {
    heed: version,
    browser: browserName(),
    userAgent: navigator.userAgent,
    cores: navigator.hardwareConcurrency,
    memoryGiB: (navigator as { deviceMemory?: number }).deviceMemory,
    isolated: globalThis.crossOriginIsolated,
    timerStep: Number(step),
  };
}
