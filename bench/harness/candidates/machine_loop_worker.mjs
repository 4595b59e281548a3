// One more thread of machine_loop.mjs: builds the loop it is told, says so, and runs it each time it is asked.

import { loops } from "../wasm_loops.mjs";

const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;
const port = inNode ? (await import("node:worker_threads")).parentPort : globalThis;

let own;
function receive(message) {
  if (own) return port.postMessage(Array.from({ length: message.repeats }, () => own.run()));
  own = loops[message.loop].build(message);
  own.run();
  port.postMessage("ready");
}
if (inNode) port.on("message", receive);
else port.onmessage = ({ data }) => receive(data);
