/** The page as an engine of the bench's turns: a worker for every candidate, which ends when its table does. */
import { Session } from "../../../bench/harness/session.mjs";
import type { Engine, Entry } from "./types.js";

export class PageEngine implements Engine {
  readonly #open = new Set<Session>();

  entry(name: string): string {
    return name;
  }

  open({ module }: Pick<Entry, "module">): Promise<Session> {
    const worker = startWorker(module);
    const session = new Session({
      address: (name) => name,
      module,
      send: (id, message) => worker.postMessage({ id, message }),
      end: () => worker.terminate(),
    });
    worker.onmessage = ({ data }: MessageEvent<{ id: number; answer: unknown }>) =>
      session.receive(data.id, data.answer);
    worker.onerror = (event) => {
      event.preventDefault();
      session.fail(event.message || "its worker could not be loaded");
    };
    this.#open.add(session);
    return Promise.resolve(session);
  }

  /** Ends every worker at once, whatever it is doing. */
  end(): void {
    for (const session of this.#open) void session.close();
    this.#open.clear();
  }
}

/** Peers come as files of their own; see peers-plugin.ts. */
function startWorker(module: string): Worker {
  const peer = /^peers\/(?!plain_)(\w+)\.mjs$/.exec(module)?.[1];
  if (peer !== undefined) return new Worker(new URL(`peers/${peer}.js`, document.baseURI));
  return new Worker(new URL("./host-worker.ts", import.meta.url), { type: "module" });
}
