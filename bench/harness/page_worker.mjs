// One candidate in a worker of the page: the host behind the worker's message channel.

import { createHost } from "./host.mjs";

const handle = createHost();

globalThis.onmessage = async ({ data: { id, message } }) => {
  globalThis.postMessage({ id, answer: await handle(message) });
};
