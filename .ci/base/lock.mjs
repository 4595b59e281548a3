// One set-up or build at a time in one working tree; the second waits.
//
// The lock is an abstract Unix socket named after the tree: the kernel gives it back when its owner ends, however it
// ends, so there is no stale lock to clean up. Systems without abstract sockets (anything but Linux) take no lock.

import { createHash } from "node:crypto";
import { createServer } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";

import { root } from "./paths.mjs";

/** Runs `body` while no other process of this tree runs one under the same name. */
export async function exclusively(name, body) {
  if (process.platform !== "linux") return body();
  const address = `\0heed-${name}-${createHash("sha256").update(root).digest("hex").slice(0, 24)}`;
  let server;
  for (let told = false; (server = await listen(address)) === undefined; await sleep(200)) {
    if (!told) console.log(`waiting for another ${name} of this folder to end ...`);
    told = true;
  }
  try {
    return await body();
  } finally {
    await new Promise((resolve) => server.close(resolve));
  }
}

function listen(address) {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", (error) => (error.code === "EADDRINUSE" ? resolve(undefined) : reject(error)));
    server.listen(address, () => resolve(server));
  });
}
