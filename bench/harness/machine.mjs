// What a table was measured on, and how much of the machine others used meanwhile. The latter needs Linux's /proc;
// elsewhere it is unknown, and said to be.

import { readFileSync, readdirSync } from "node:fs";
import { availableParallelism, cpus, platform, release, totalmem } from "node:os";

import { fromRoot } from "./places.mjs";
import { output } from "../../.ci/base/process.mjs";

export function describeMachine() {
  return {
    processor: cpus()[0]?.model ?? "unknown",
    threads: availableParallelism(),
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    system: `${platform()} ${release()}`,
  };
}

/** Version of the package and the commit that was measured, with a mark where the tree differs from it. */
export function describeSource() {
  const { version } = JSON.parse(readFileSync(fromRoot("package.json"), "utf8"));
  const commit = output("git", ["rev-parse", "--short=12", "HEAD"])?.trim();
  const changed = output("git", ["status", "--porcelain", "--", "cpp", "web/src"])?.trim();
  return { version, commit: commit ? `${commit}${changed ? " and changes" : ""}` : "unknown" };
}

// Kernel time is counted in these units a second (USER_HZ, a constant of Linux's interface).
const ticksPerSecond = 100;

/** Ticks that all processors spent on anything, stolen time included. */
function busyTicks() {
  const [user, nice, system, , , interrupt, softInterrupt, steal] = readFileSync("/proc/stat", "utf8")
    .split("\n", 1)[0]
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return user + nice + system + interrupt + softInterrupt + (steal ?? 0);
}

/** Ticks that this process and its descendants have used, those of children that have ended included. */
function ownTicks() {
  const children = new Map();
  const ticks = new Map();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    try {
      const text = readFileSync(`/proc/${name}/stat`, "utf8");
      const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
      const parent = Number(fields[1]);
      ticks.set(
        Number(name),
        [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0),
      );
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended while we looked.
    }
  }
  const sum = (process) =>
    (ticks.get(process) ?? 0) + (children.get(process) ?? []).reduce((total, child) => total + sum(child), 0);
  return sum(process.pid);
}

/** Starts watching; the returned function says how many processors others kept busy since, or undefined. */
export function watchOthers() {
  if (platform() !== "linux") return () => undefined;
  const start = performance.now();
  const [busy, own] = [busyTicks(), ownTicks()];
  return () => {
    const seconds = (performance.now() - start) / 1000;
    const others = (busyTicks() - busy - (ownTicks() - own)) / ticksPerSecond;
    return Math.max(0, others / Math.max(seconds, 0.1));
  };
}
