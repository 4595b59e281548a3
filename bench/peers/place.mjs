// Where the peers run, and where their own files lie: in the bench's page under its server's root, in the lab's workers
// beside the worker's script.

export const inWorker = typeof WorkerGlobalScope !== "undefined";
export const inBrowser = inWorker || typeof document !== "undefined";

/** The address of a file or folder of a package. */
export const fileOf = (name, path) =>
  inWorker ? new URL(`./${name}/${path}`, globalThis.location.href).href : `/bench/node_modules/${name}/${path}`;
