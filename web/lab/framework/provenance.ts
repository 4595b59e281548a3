/** What produced a number: written into every exported file, so that a figure can be traced and computed again. */
import { address, codeName } from "./address.js";
import { library } from "./library.js";

export interface Provenance {
  heed: string;
  variant: string;
  threads: number;
  browser: string;
  cores: number;
  parameters: Record<string, string>;
}

export function provenance(): Provenance {
  return {
    heed: library.info?.version ?? "not started",
    variant: library.info?.variant ?? "not started",
    threads: library.info?.threads ?? 0,
    browser: browserName(),
    cores: navigator.hardwareConcurrency,
    parameters: Object.fromEntries([...new URLSearchParams(address.text())].filter(([name]) => name !== codeName)),
  };
}

/** "Chromium 156", from what the browser says of itself. */
export function browserName(agent: string = navigator.userAgent): string {
  const found = /(Firefox|Edg|OPR|Chromium|Chrome|Version)\/(\d+)/.exec(agent);
  if (found === null) return agent;
  // Elsewhere than on Apple's systems the number is no version of anything.
  if (found[1] === "Version" && !agent.includes("Mac OS X")) return "WebKit";
  const names: Record<string, string> = { Edg: "Edge", OPR: "Opera", Version: "Safari" };
  return `${names[found[1]!] ?? found[1]} ${found[2]}`;
}
