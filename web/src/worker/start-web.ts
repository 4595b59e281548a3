/**
 * Starts the package's worker in a browser.
 *
 * From the page's own origin: the literal below, which bundlers follow. From another origin (a CDN) a browser refuses
 * the address itself, so a blob of the page's own origin imports it; that needs CORS there, and `blob:` in the page's
 * worker-src.
 */
import { openInBrowser } from "../platforms/open-web.js";
import { fromAnotherOrigin } from "../platforms/origin.js";
import type { ClientPort } from "./client.js";
import { pauseByMessage } from "./pause-web.js";
import type { FromWorker } from "./protocol.js";
import type { WorkerStarter } from "./starter.js";

/** Not beginning with "em-pthread": the generated code takes such a worker for one of its threads. */
const name = "heed";

interface Started {
  worker: Worker;
  /** Gives the bootstrap's blob back. */
  running(): void;
}

function startByImport(address: string): Started {
  const blob = URL.createObjectURL(new Blob([`import ${JSON.stringify(address)};`], { type: "text/javascript" }));
  return { worker: new Worker(blob, { type: "module", name }), running: () => URL.revokeObjectURL(blob) };
}

function startWorker(workerUrl: string | URL | undefined): Started {
  const running = () => undefined;
  if (workerUrl !== undefined) {
    const url = new URL(workerUrl, globalThis.location.href);
    if (fromAnotherOrigin(url.href)) return startByImport(url.href);
    return { worker: new Worker(url, { type: "module", name }), running };
  }
  if (fromAnotherOrigin(import.meta.url)) return startByImport(new URL("./worker.js", import.meta.url).href);
  return { worker: new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "heed" }), running };
}

const startAdvice =
  "it could not start; look for a blocked or missing worker.js in the console, allow it in the worker-src of the " +
  "Content-Security-Policy, or pass workerUrl";

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

export const webStarter: WorkerStarter = {
  resolve: (address) => new URL(address, globalThis.location.href),
  open: openInBrowser,
  start(workerUrl) {
    let started: Started;
    try {
      started = startWorker(workerUrl);
    } catch (error) {
      return refusedPort(`${startAdvice} (${error instanceof Error ? error.message : String(error)})`);
    }
    const { worker, running } = started;
    return {
      post: (message, transfer) => worker.postMessage(message, transfer),
      listen(receive, failed) {
        worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
          running();
          receive(data);
        });
        worker.addEventListener("error", (event) => {
          running();
          failed(event.message ? event.message : startAdvice);
        });
        worker.addEventListener("messageerror", () => failed("an answer could not be read"));
      },
      keepAlive: () => undefined,
      pause: pauseByMessage(),
      terminate() {
        running();
        worker.terminate();
        return Promise.resolve();
      },
    };
  },
};
