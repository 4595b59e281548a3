/**
 * Starts the package's worker in a browser.
 *
 * From the page's own origin: the literal below, which bundlers follow. From another origin (a CDN) a browser refuses
 * the address itself, so a blob of the page's own origin imports it; that needs CORS there, and `blob:` in the page's
 * worker-src.
 */
import { openInBrowser } from "../platforms/open-web.js";
import { fromAnotherOrigin } from "../platforms/origin.js";
import { fileAddresses } from "../platforms/web-files.js";
import { resolveInPage, portOf, workerName as name } from "./page-port.js";
import { startModule, type Started } from "./start-module.js";
import type { WorkerStarter } from "./starter.js";

function startWorker(workerUrl: string | URL | undefined): Started {
  if (workerUrl !== undefined) return startModule(resolveInPage(workerUrl).href, name);
  if (fromAnotherOrigin(import.meta.url)) return startModule(new URL("./worker.js", import.meta.url).href, name);
  return {
    worker: new Worker(new URL("./worker.js", import.meta.url), { type: "module", name: "heed" }),
    running: () => undefined,
  };
}

const startAdvice =
  "it could not start; look for a blocked or missing worker.js in the console, allow it in the worker-src of the " +
  "Content-Security-Policy, or pass workerUrl";

export const webStarter: WorkerStarter = {
  resolve: resolveInPage,
  open: openInBrowser,
  files: fileAddresses,
  start: (workerUrl) => portOf(() => startWorker(workerUrl), startAdvice),
};
