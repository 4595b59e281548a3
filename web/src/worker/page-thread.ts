/**
 * The threads of a worker in a browser, started by the page on the worker's behalf.
 *
 * The generated code starts its threads with `new Worker(address)`. Inside a worker, Firefox now and then never returns
 * from that, and the worker is lost; in a page it always does. And a browser refuses an address of another origin,
 * which the page can import from a blob. So what looks like a Worker here passes every message on, and the page
 * (thread-relay.ts) does with a real one as it is told. Threads exchange messages only while they start and end.
 */

/** From the worker to the page: what to do with thread `thread`. */
export type ThreadRequest = { kind: "thread"; thread: number } & (
  { start: string; name: string } | { message: unknown } | { terminate: true }
);
/** From the page to the worker: what came from it. */
export type ThreadEvent = { kind: "thread"; thread: number } & ({ message: unknown } | { error: string | undefined });

/** `post`: to the page. Returns the class that stands for Worker, and what takes the page's answers. */
export function threadsOfPage(post: (request: ThreadRequest) => void): {
  PageThread: new (address: string | URL, options?: WorkerOptions) => EventTarget;
  receive: (event: ThreadEvent) => void;
} {
  const running = new Map<number, PageThread>();
  let started = 0;

  /** What the generated code and Platform.watchThread use of a Worker. */
  class PageThread extends EventTarget {
    readonly #thread = started++;
    onmessage: ((event: MessageEvent) => void) | null = null;
    onerror: ((event: Event) => void) | null = null;

    constructor(address: string | URL, { name = "" }: WorkerOptions = {}) {
      super();
      running.set(this.#thread, this);
      this.addEventListener("message", (event) => this.onmessage?.(event as MessageEvent));
      post({ kind: "thread", thread: this.#thread, start: String(address), name });
    }

    postMessage(message: unknown): void {
      post({ kind: "thread", thread: this.#thread, message });
    }

    terminate(): void {
      running.delete(this.#thread);
      post({ kind: "thread", thread: this.#thread, terminate: true });
    }
  }

  function receive(event: ThreadEvent): void {
    const thread = running.get(event.thread);
    if (!thread) return;
    if ("message" in event) {
      thread.dispatchEvent(new MessageEvent("message", { data: event.message }));
      return;
    }
    // Where a browser does not say why, its event has no message; who watches has words for that.
    const error = new ErrorEvent("error", { message: event.error ?? "", cancelable: true });
    // Whoever watches may keep it from the generated code, whose listener would end the worker.
    if (thread.dispatchEvent(error)) thread.onerror?.(error);
  }

  return { PageThread, receive };
}
