/** The page's end of page-thread.ts: real workers, one for each thread of a worker. */
import { fromAnotherOrigin } from "../platforms/origin.js";
import type { ThreadEvent, ThreadRequest } from "./page-thread.js";

/** A module as a worker, its address from this origin or, through a blob that imports it, from another. */
export function startModule(address: string, name: string): { worker: Worker; running: () => void } {
  const start = (from: string) => new Worker(from, { type: "module", name });
  if (!fromAnotherOrigin(address)) return { worker: start(address), running: () => undefined };
  const blob = URL.createObjectURL(new Blob([`import ${JSON.stringify(address)};`], { type: "text/javascript" }));
  return { worker: start(blob), running: () => URL.revokeObjectURL(blob) };
}

export class ThreadRelay {
  readonly #threads = new Map<number, Worker>();

  /** `post`: to the worker whose threads these are. */
  constructor(readonly post: (event: ThreadEvent) => void) {}

  receive(request: ThreadRequest): void {
    const { thread } = request;
    if ("start" in request) {
      this.#start(request);
    } else if ("message" in request) {
      this.#threads.get(thread)?.postMessage(request.message);
    } else {
      this.#threads.get(thread)?.terminate();
      this.#threads.delete(thread);
    }
  }

  #start({ kind, thread, start, name }: Extract<ThreadRequest, { start: string }>): void {
    const failed = (error: string) => this.post({ kind, thread, error });
    try {
      const { worker, running } = startModule(start, name);
      worker.onmessage = ({ data }: MessageEvent<unknown>) => {
        running();
        this.post({ kind, thread, message: data });
      };
      worker.onerror = ({ message }) => {
        running();
        failed(message ? message : "a thread's worker was refused");
      };
      this.#threads.set(thread, worker);
    } catch (error) {
      failed(String(error));
    }
  }

  terminate(): void {
    for (const worker of this.#threads.values()) worker.terminate();
    this.#threads.clear();
  }
}
