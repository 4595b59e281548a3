/** A worker of a browser as the client's port, however it was started. */
import { reasonOf } from "../errors.js";
import type { ClientPort } from "./client.js";
import type { ThreadRequest } from "./page-thread.js";
import { pauseByMessage } from "./pause-web.js";
import type { FromWorker } from "./protocol.js";
import type { Started } from "./start-module.js";
import { ThreadRelay } from "./thread-relay.js";

/** Not beginning with "em-pthread": the generated code takes such a worker for one of its threads. */
export const workerName = "heed";

/** A caller's address, resolved as the page resolves relative ones. */
export function resolveInPage(address: string | URL): URL {
  return new URL(address, globalThis.location.href);
}

/** A port of a worker that could not even be created. */
function refusedPort(why: string): ClientPort {
  return {
    post: () => undefined,
    listen: (_, failed) => queueMicrotask(() => failed(why)),
    keepAlive: () => undefined,
    pause: () => Promise.resolve(),
    terminate: () => Promise.resolve(),
  };
}

/** `advice`: what to look at when it does not start and the browser does not say why. */
export function portOf(start: () => Started, advice: string): ClientPort {
  let started: Started;
  try {
    started = start();
  } catch (error) {
    return refusedPort(`${advice} (${reasonOf(error)})`);
  }
  const { worker, running } = started;
  const threads = new ThreadRelay((event) => worker.postMessage(event));
  return {
    post: (message, transfer) => worker.postMessage(message, transfer),
    listen(receive, failed) {
      worker.addEventListener("message", ({ data }: MessageEvent<FromWorker | ThreadRequest>) => {
        running();
        if (data.kind === "thread") threads.receive(data);
        else receive(data);
      });
      worker.addEventListener("error", (event) => {
        running();
        failed(event.message ? event.message : advice);
      });
      worker.addEventListener("messageerror", () => failed("an answer could not be read"));
    },
    keepAlive: () => undefined,
    pause: pauseByMessage(),
    terminate() {
      running();
      worker.terminate();
      threads.terminate();
      return Promise.resolve();
    },
  };
}
