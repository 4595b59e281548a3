/** The page's end of page-thread.ts: real workers, one for each thread of a worker. */
import { reasonOf } from "../errors.js";
import type { ThreadEvent, ThreadRequest } from "./page-thread.js";
import { startModule, type Started } from "./start-module.js";

export class ThreadRelay {
  readonly #threads = new Map<number, Started>();

  /** `post`: to the worker whose threads these are. */
  constructor(readonly post: (event: ThreadEvent) => void) {}

  receive(request: ThreadRequest): void {
    const { thread } = request;
    if ("start" in request) this.#start(request);
    else if ("message" in request) this.#threads.get(thread)?.worker.postMessage(request.message);
    else this.#end(thread);
  }

  #start({ kind, thread, start, name }: Extract<ThreadRequest, { start: string }>): void {
    const failed = (error: string | undefined) => this.post({ kind, thread, error });
    try {
      const started = startModule(start, name);
      this.#threads.set(thread, started);
      started.worker.onmessage = ({ data }: MessageEvent<unknown>) => {
        started.running();
        this.post({ kind, thread, message: data });
      };
      started.worker.onerror = ({ message }) => {
        started.running();
        failed(message);
      };
    } catch (error) {
      failed(reasonOf(error));
    }
  }

  #end(thread: number): void {
    const started = this.#threads.get(thread);
    started?.running();
    started?.worker.terminate();
    this.#threads.delete(thread);
  }

  terminate(): void {
    for (const thread of this.#threads.keys()) this.#end(thread);
  }
}
