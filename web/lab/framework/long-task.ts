/**
 * Work that takes more than a moment and yields rows: a progress bar with a cancel button in the cell, and a list of
 * rows that grows while the work runs, so that the figures that depend on it fill in before one's eyes.
 *
 * Long tasks of a page take turns (turns.ts). A task ends when its cell is computed again (`invalidation`) or the
 * reader presses Cancel; what it has found stays.
 */
import { LabTask } from "../elements/lab-task.js";
import { inTurn } from "./turns.js";

export interface TaskOptions {
  signal: AbortSignal;
  onProgress: (progress: { phase?: string; loaded: number; total: number }) => void;
}

/** The rows found so far, and how the work stands. */
export type Rows<Row> = Row[] & { state: "precomputed" | "running" | "done" | "cancelled" };

export class LongTask extends LabTask {
  #controller = new AbortController();

  constructor(title = "Working", invalidation?: Promise<unknown>) {
    super();
    this.heading = title;
    this.addEventListener("cancel", () =>
      this.#controller.abort(new DOMException("cancelled by the reader", "AbortError")),
    );
    void invalidation?.then(() => this.#controller.abort(new DOMException("the cell is computed again", "AbortError")));
  }

  /**
   * An endless generator, as the notebook's runtime expects: each value is all rows so far. Where rows of an earlier run
   * are at hand (precomputed.ts), they come `first` and stay until all of this run's have been found; the run then
   * begins when the reader comes near.
   */
  async *rows<Row>(
    work: (options: TaskOptions) => AsyncIterable<Row> | Promise<AsyncIterable<Row>>,
    first?: readonly Row[] | Promise<readonly Row[] | undefined>,
  ): AsyncGenerator<Rows<Row>> {
    const found: Row[] = [];
    let changed = signalled();
    let failure: { error: unknown } | undefined;
    let state: Rows<Row>["state"] = "running";

    const { signal } = this.#controller;
    // The first simulation loads a module before it runs, which takes no time that a bar could show.
    const onProgress: TaskOptions["onProgress"] = ({ phase, loaded, total }) => {
      if (phase === undefined || phase === "run") this.progress(loaded, total);
    };
    const earlier = await first;
    this.precomputed = earlier !== undefined;
    if (earlier !== undefined) {
      yield Object.assign(earlier.slice(), { state: "precomputed" } as const);
      await near(this, signal);
    }
    const turn = inTurn(this, signal, async () => {
      signal.throwIfAborted();
      this.begin();
      for await (const row of await work({ signal, onProgress })) {
        found.push(row);
        changed.resolve();
      }
    });
    turn
      .then(() => (state = "done"))
      .catch((error: unknown) => {
        if (signal.aborted) state = "cancelled";
        else failure = { error };
      })
      .finally(() => {
        this.end(failure === undefined ? (state === "done" ? "done" : "cancelled") : "failed");
        changed.resolve();
      });

    for (;;) {
      await changed.promise;
      changed = signalled();
      if (failure !== undefined) throw failure.error;
      if (earlier === undefined || (state as Rows<Row>["state"]) === "done") {
        this.precomputed = false;
        yield Object.assign(found.slice(), { state });
      }
    }
  }
}

customElements.define("lab-task", LongTask);

/** Resolves when the element is in view or a screen away, or the signal ends the wait. */
function near(element: Element, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const observer = new IntersectionObserver(
      (entries) => entries.some(({ isIntersecting }) => isIntersecting) && end(),
      { rootMargin: "100% 0px" },
    );
    const end = (): void => {
      observer.disconnect();
      signal.removeEventListener("abort", end);
      resolve();
    };
    if (signal.aborted) return end();
    signal.addEventListener("abort", end);
    observer.observe(element);
  });
}

function signalled(): { promise: Promise<void>; resolve: () => void } {
  let resolve = (): void => undefined;
  const promise = new Promise<void>((done) => (resolve = done));
  return { promise, resolve };
}

/** `display(longTask("Simulating", invalidation)).rows((options) => heed.simulate("E1", {…}, options))` */
export function longTask(title: string, invalidation?: Promise<unknown>): LongTask {
  return new LongTask(title, invalidation);
}

/** A signal that ends a cell's calls when the cell is computed again. */
export function until(invalidation: Promise<unknown>): AbortSignal {
  const controller = new AbortController();
  void invalidation.then(() => controller.abort(new DOMException("the cell is computed again", "AbortError")));
  return controller.signal;
}
