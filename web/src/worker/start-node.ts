/** Starts the package's worker in Node. A process does not wait for it unless a call is running. */
import { pathToFileURL } from "node:url";
import { Worker } from "node:worker_threads";

import { openInNode } from "../platforms/open-node.js";
import { inheritsInputType } from "../platforms/input-type.js";
import type { FromWorker } from "./protocol.js";
import type { WorkerStarter } from "./starter.js";

function resolve(address: string | URL): URL {
  return new URL(address, pathToFileURL(`${process.cwd()}/`));
}

export const nodeStarter: WorkerStarter = {
  resolve,
  open: openInNode,
  start(workerUrl) {
    const url = workerUrl === undefined ? new URL("./worker-node.js", import.meta.url) : resolve(workerUrl);
    const worker = new Worker(url, { name: "heed", ...(inheritsInputType() ? { execArgv: [] } : {}) });
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      listen(receive, failed) {
        worker.on("message", (message: FromWorker) => receive(message));
        worker.on("error", (error) => failed(error instanceof Error ? error.message : String(error)));
        worker.on("messageerror", () => failed("an answer could not be read"));
        worker.on("exit", (code) => failed(`it exited with code ${code}`));
      },
      keepAlive: (wanted) => (wanted ? worker.ref() : worker.unref()),
      pause: () => new Promise((resolve) => setImmediate(resolve)),
      async terminate() {
        await worker.terminate();
      },
    };
  },
};
