/** The lab, built when something of it is newer than the last build, and served on 127.0.0.1 with its headers. */
import { existsSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build, preview } from "vite";

const fromRoot = (path: string): string => fileURLToPath(new URL(`../../../${path}`, import.meta.url));
const configFile = fromRoot("web/lab/vite.config.ts");
const sources = ["web/lab", "bench/harness", "bench/peers", "dist", "package-lock.json"].map(fromRoot);
const built = fromRoot("build/lab/index.html");

/** When the youngest of these files was written; 0 when there are none. Each test file opens the lab: one builds it. */
function newest(...paths: string[]): number {
  const files = paths.flatMap((path) => {
    if (!existsSync(path)) return [];
    if (!statSync(path).isDirectory()) return [path];
    return readdirSync(path, { recursive: true, encoding: "utf8" }).map((name) => join(path, name));
  });
  return Math.max(0, ...files.map((file) => statSync(file).mtimeMs));
}

export interface ServedLab {
  origin: string;
  close(): Promise<void>;
}

export async function serveLab(): Promise<ServedLab> {
  if (newest(...sources) > newest(built)) {
    // The test runner's own setting would make a build for development, without the service worker.
    const { NODE_ENV } = process.env;
    process.env["NODE_ENV"] = "production";
    await build({ configFile, logLevel: "error" });
    process.env["NODE_ENV"] = NODE_ENV;
  }
  const server = await preview({ configFile, logLevel: "error", preview: { port: 0 } });
  const address = server.httpServer.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return { origin: `http://127.0.0.1:${address.port}`, close: () => server.close() };
}
