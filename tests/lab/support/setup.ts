/**
 * Before the lab's tests: builds it where a source is younger than what lies there, and serves it on 127.0.0.1 with its
 * headers, once for all of them.
 */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, preview } from "vite";
import type { TestProject } from "vitest/node";

declare module "vitest" {
  interface ProvidedContext {
    /** Where the lab is served. */
    labOrigin: string;
  }
}

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

async function buildLab(): Promise<void> {
  if (newest(...sources) <= newest(built)) return;
  // The test runner's own setting would make a build for development, without the service worker.
  const { NODE_ENV } = process.env;
  process.env["NODE_ENV"] = "production";
  await build({ configFile, logLevel: "error" });
  process.env["NODE_ENV"] = NODE_ENV;
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  await buildLab();
  const server = await preview({ configFile, logLevel: "error", preview: { port: 0 } });
  const address = server.httpServer.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  project.provide("labOrigin", `http://127.0.0.1:${address.port}`);
  return () => server.close();
}
