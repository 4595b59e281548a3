/** A web server for pages that use the package as it lies in dist/: any headers, and answers of its own for some paths. */
import { readFile } from "node:fs/promises";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { extname } from "node:path";

const types: Record<string, string> = {
  ".js": "text/javascript",
  ".mjs": "text/javascript",
  ".wasm": "application/wasm",
  ".map": "application/json",
};
const root = new URL("../../../", import.meta.url);
const scenarios = new URL("page/scenarios.mjs", import.meta.url);

/** Headers that make a page cross-origin isolated. */
export const isolation = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "cross-origin",
};

/** What a package server on another origin must send. */
export const sharing = { ...isolation, "access-control-allow-origin": "*" };

/** An answer, or one that depends on how often the path was asked for before; undefined means the file itself. */
export type Answering = Answer | ((times: number) => Answer | undefined);

export interface Answer {
  status?: number;
  type?: string;
  body: string | Buffer;
}

export interface PackageServer {
  origin: string;
  close(): Promise<void>;
}

/** Serves a page with the scenarios at /, dist/ at /dist/, and `answers` before both. */
export async function serve(
  headers: Record<string, string>,
  answers: Record<string, Answering> = {},
): Promise<PackageServer> {
  const asked = new Map<string, number>();
  const answer = async (path: string): Promise<Answer> => {
    const own = answers[path];
    const times = asked.get(path) ?? 0;
    asked.set(path, times + 1);
    const chosen = typeof own === "function" ? own(times) : own;
    if (chosen) return chosen;
    if (path === "/")
      return { type: "text/html", body: `<!doctype html><script type="module" src="/scenarios.mjs"></script>` };
    if (path === "/scenarios.mjs") return { type: types[".mjs"]!, body: await readFile(scenarios) };
    if (!path.startsWith("/dist/")) return { status: 404, body: "" };
    try {
      return { type: types[extname(path)] ?? "text/plain", body: await readFile(new URL(`.${path}`, root)) };
    } catch {
      return { status: 404, body: "" };
    }
  };
  const server: Server = createServer((request, response) => {
    void answer(new URL(request.url ?? "/", "http://here").pathname).then(({ status = 200, type, body }) => {
      response.writeHead(status, { ...headers, "content-type": type ?? "text/plain" }).end(body);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => void server.close(() => resolve()).closeAllConnections()),
  };
}
