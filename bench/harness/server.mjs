// Serves the folders a page needs, on 127.0.0.1 and with the headers that make a page cross-origin isolated: shared
// memory, hence threads, exists only there.

import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";

import { root } from "./places.mjs";

const types = {
  ".html": "text/html; charset=utf-8",
  ".mjs": "text/javascript",
  ".js": "text/javascript",
  ".wasm": "application/wasm",
  ".json": "application/json",
};
const headers = {
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-embedder-policy": "require-corp",
  "cross-origin-resource-policy": "same-origin",
  "cache-control": "no-store",
};
/** Nothing else of the tree is handed out. */
const served = /^\/(bench|dist|web\/lab\/assets\/(qkv|decoder|text))\//;

async function answer(request, response) {
  // A normalized absolute path has no ".." left, so nothing above the root can be named.
  const path = normalize(decodeURIComponent(new URL(request.url, "http://127.0.0.1").pathname));
  try {
    if (!served.test(path)) throw new Error("not served");
    const body = await readFile(join(root, path));
    response.writeHead(200, { ...headers, "content-type": types[extname(path)] ?? "application/octet-stream" });
    response.end(body);
  } catch {
    response.writeHead(404, headers).end();
  }
}

export async function serve() {
  const server = createServer(answer);
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    address: `http://127.0.0.1:${server.address().port}`,
    close: () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  };
}
