/** The worker of `heed` in Node. */
import { parentPort } from "node:worker_threads";

import { HeedError } from "../errors.js";
import { nodePlatform } from "../platforms/node.js";
import { serve } from "../worker/host.js";
import type { ToWorker } from "../worker/protocol.js";

const port = parentPort;
if (port === null) throw new HeedError("unsupported", "worker-node.js runs as a worker of heed only; import heed");

serve(
  {
    post: (message, transfer) => port.postMessage(message, transfer),
    listen: (receive) => port.on("message", (message: ToWorker) => receive(message)),
    // Immediates run after the messages that are waiting.
    pause: () => new Promise((resolve) => setImmediate(resolve)),
  },
  nodePlatform,
);
