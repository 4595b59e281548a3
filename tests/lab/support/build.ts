/** Builds the lab once before its tests, which open it two at a time, where a source is younger than what lies there. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "vite";

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const configFile = fromRoot("web/lab/vite.config.ts");
const sources = ["web/lab", "bench/harness", "bench/peers", "dist", "package-lock.json"].map(fromRoot);
const built = fromRoot("build/lab/index.html");

/** When the youngest of these files was written; 0 when there are none. */
function newest(...paths: string[]): number {
  const files = paths.flatMap((path) => {
    if (!existsSync(path)) return [];
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: "utf8" }).map((name) => join(path, name));
  });
  return Math.max(0, ...files.map((file) => statSync(file).mtimeMs));
}

export default async function setup(): Promise<void> {
  if (newest(...sources) <= newest(built)) return;
  // The test runner's own setting would make a build for development, without the service worker.
  const { NODE_ENV } = process.env;
  process.env["NODE_ENV"] = "production";
  await build({ configFile, logLevel: "error" });
  process.env["NODE_ENV"] = NODE_ENV;
}
