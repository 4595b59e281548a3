/**
 * The worker's side: one module, one queue, one call at a time, in the order in which the calls were made.
 *
 * A cancelled call leaves the queue, or stops at its next pause; its memory is given back before the page hears of it.
 */
import { planSimulation } from "../check/simulate.js";
import { HeedError, reasonOf } from "../errors.js";
import { prepareAppend, prepareCacheTopK, prepareDecode } from "../operations/cache.js";
import { prepareEvict, prepareMonitor } from "../operations/cache-upkeep.js";
import { Caches } from "../operations/caches.js";
import { Decoders } from "../operations/decoders.js";
import { prepareAttend } from "../operations/attend.js";
import { prepareAttendTopK } from "../operations/attend-top-k.js";
import { prepareIndex } from "../operations/key-index.js";
import { mapped, singleOperation, type Operation } from "../operations/operation.js";
import { prepareRadius } from "../operations/radius.js";
import { prepareScores } from "../operations/scores.js";
import { prepareSelectTopK } from "../operations/select-top-k.js";
import { prepareSimulation } from "../operations/simulate.js";
import { prepareTheory } from "../operations/theory.js";
import type { Progress } from "../options.js";
import { load } from "../runtime/load.js";
import { Modules } from "../runtime/modules.js";
import type { Platform } from "../runtime/platform.js";
import type { Runtime } from "../runtime/runtime.js";
import { isDecoderRequest, prepareDecoder, type DecoderRequestName } from "./decoder-requests.js";
import { dropIndex, keepIndex, withIndex } from "./indexes.js";
import type { Call, FromWorker, PostedError, RequestName, Requests, ToWorker } from "./protocol.js";
import { runInSteps } from "./steps.js";

/** The worker's end of the wire. */
export interface HostPort {
  post(message: FromWorker, transfer: ArrayBuffer[]): void;
  listen(receive: (message: ToWorker) => void): void;
  /** Returns after the messages that are waiting had their turn. */
  pause(): Promise<void>;
}

type Work = Exclude<RequestName, Loading | DecoderRequestName>;
/** Requests that wait for something, instead of computing. */
type Loading = "load" | "loadBeside" | "loadTokenizers";
type Prepare<Name extends Work> = (
  runtime: Runtime,
  args: Requests[Name]["args"],
  caches: Caches,
  modules: Modules,
) => Operation<Requests[Name]["reply"]>;

/** Something that has no result. */
function done(runtime: Runtime, work: () => void): Operation<true> {
  return singleOperation(runtime, () => {
    work();
    return true as const;
  });
}

/** Results hold arrays only: plans that were posted name no tensors. */
const prepare: { [Name in Work]: Prepare<Name> } = {
  attend: (runtime, plan) => prepareAttend(runtime, plan) as Operation<Requests["attend"]["reply"]>,
  attendTopK: (runtime, plan) =>
    prepareAttendTopK(runtime, withIndex(plan)) as Operation<Requests["attendTopK"]["reply"]>,
  index: (runtime, plan) => mapped(prepareIndex(runtime, plan), keepIndex),
  disposeIndex: (runtime, { id }) => singleOperation(runtime, () => dropIndex(id)),
  scores: (runtime, plan) => prepareScores(runtime, plan, "scores"),
  weights: (runtime, plan) => prepareScores(runtime, plan, "weights"),
  selectTopK: prepareSelectTopK,
  planSimulation: (runtime, { id, parameters }) => {
    const points = planSimulation(id, parameters as never);
    return singleOperation(runtime, () => points);
  },
  simulate: (_, point, __, modules) => prepareSimulation(modules.beside("study"), point),
  theory: prepareTheory,
  radius: prepareRadius,
  cacheCreate: (runtime, shape, caches) => singleOperation(runtime, () => caches.create(runtime, shape)),
  cacheFork: (runtime, { cache }, caches) => singleOperation(runtime, () => caches.fork(cache)),
  cacheDispose: (runtime, { cache }, caches) => done(runtime, () => caches.dispose(cache)),
  cacheAppend: (_, plan, caches) => prepareAppend(caches.get(plan.cache), plan),
  cacheAttend: (_, plan, caches) =>
    prepareDecode(caches.get(plan.cache), plan) as Operation<Requests["cacheAttend"]["reply"]>,
  cacheTopK: (_, plan, caches) =>
    prepareCacheTopK(caches.get(plan.cache), plan) as Operation<Requests["cacheTopK"]["reply"]>,
  cacheMonitor: (_, plan, caches) => prepareMonitor(caches.get(plan.cache), plan),
  cacheEvict: (_, plan, caches) => prepareEvict(caches.get(plan.cache), plan),
  cacheRecorded: (runtime, { cache, layer }, caches) =>
    singleOperation(runtime, () => caches.get(cache).recorded(layer)),
  cacheRewind: (runtime, { cache, length }, caches) => done(runtime, () => caches.get(cache).rewind(length)),
  cacheClear: (runtime, { cache }, caches) => done(runtime, () => caches.get(cache).clear()),
  cacheSave: (runtime, { cache }, caches) => singleOperation(runtime, () => caches.get(cache).save()),
  cacheRestore: (runtime, { cache, saved }, caches) => done(runtime, () => caches.get(cache).restore(saved)),
  cacheLength: (runtime, { cache, layer }, caches) => singleOperation(runtime, () => caches.get(cache).length(layer)),
  cacheBytes: (runtime, { cache }, caches) => singleOperation(runtime, () => caches.get(cache).bytes()),
  memory: (runtime, _, __, modules) => singleOperation(runtime, () => modules.memory()),
};

function posted(error: unknown): PostedError {
  if (error instanceof HeedError) return { code: error.code, message: error.message };
  return { code: "internal", message: reasonOf(error) };
}

/** The buffers of a reply. They are moved, so a result is never copied on its way. */
function buffersOf(reply: unknown): ArrayBuffer[] {
  if (ArrayBuffer.isView(reply)) return reply.buffer instanceof ArrayBuffer ? [reply.buffer] : [];
  return typeof reply === "object" && reply !== null ? Object.values(reply).flatMap(buffersOf) : [];
}

class Host {
  readonly #queue: Call[] = [];
  readonly #caches = new Caches();
  readonly #decoders = new Decoders();
  #platform: Platform;
  #modules: Modules | undefined;
  #running: number | undefined;
  /** Aborted when the running call is cancelled. */
  #cancelled = new AbortController();

  constructor(
    readonly port: HostPort,
    platform: Platform,
  ) {
    this.#platform = platform;
  }

  receive(message: ToWorker): void {
    if (message.kind === "cancel") return this.#cancel(message.id);
    this.#queue.push(message);
    if (this.#running === undefined) void this.#drain();
  }

  #cancel(id: number): void {
    if (this.#running === id) {
      this.#cancelled.abort();
      return;
    }
    const at = this.#queue.findIndex((call) => call.id === id);
    // Otherwise its answer is on the way already.
    if (at < 0) return;
    this.#queue.splice(at, 1);
    this.port.post({ kind: "cancelled", id }, []);
  }

  async #drain(): Promise<void> {
    for (let call = this.#queue.shift(); call !== undefined; call = this.#queue.shift()) {
      this.#running = call.id;
      this.#cancelled = new AbortController();
      await this.#answer(call);
      this.#running = undefined;
    }
  }

  async #answer(call: Call): Promise<void> {
    const { id } = call;
    const report = (progress: Progress) => {
      if (call.reports) this.port.post({ kind: "progress", id, progress }, []);
    };
    try {
      const reply = await this.#reply(call, report);
      if (reply === undefined) this.port.post({ kind: "cancelled", id }, []);
      else
        this.port.post({ kind: "reply", id, value: reply as Requests[RequestName]["reply"] }, [
          ...new Set(buffersOf(reply)),
        ]);
    } catch (error) {
      this.port.post({ kind: "failure", id, error: posted(error) }, []);
    }
  }

  /** Undefined when it was cancelled. */
  async #reply(call: Call, onProgress: (progress: Progress) => void): Promise<unknown> {
    if (call.name === "load") return this.#load(call.args, onProgress);
    const modules = this.#modules;
    if (!modules) throw new HeedError("internal", `${call.name} came before load`);
    if (call.name === "loadBeside") {
      const { module, source } = call.args;
      await modules.load(module, { signal: this.#cancelled.signal, onProgress }, source);
      return true;
    }
    if (call.name === "loadTokenizers") {
      this.#decoders.library ??= await this.#platform.tokenizers();
      return true;
    }
    const began = performance.now();
    return this.#run(modules, this.#prepare(modules, call), { began, onProgress });
  }

  /** The tables have an entry of the right type for every name; the compiler cannot follow the pairing. */
  #prepare(modules: Modules, call: Exclude<Call, { name: Loading }>): Operation<unknown> {
    if (isDecoderRequest(call.name)) {
      return prepareDecoder[call.name](this.#decoders, call.args as never, modules);
    }
    const start = prepare[call.name] as Prepare<Work>;
    return start(modules.core, call.args as never, this.#caches, modules);
  }

  async #load({ studies, files, ...args }: Requests["load"]["args"], onProgress: (progress: Progress) => void) {
    if (files) this.#platform = this.#platform.filesAt?.(files) ?? this.#platform;
    const core = await load(this.#platform, { ...args, onProgress });
    this.#modules = new Modules(this.#platform, core, args);
    if (studies) await this.#modules.load("study", { onProgress });
    return core.info;
  }

  /** Undefined when it was cancelled. */
  async #run(
    { core }: Modules,
    operation: Operation<unknown>,
    { began, onProgress }: { began: number; onProgress: (progress: Progress) => void },
  ) {
    try {
      const ended = await runInSteps(operation, {
        threads: core.info.threads,
        sincePause: performance.now() - began,
        pause: () => this.port.pause(),
        cancelled: () => this.#cancelled.signal.aborted,
        report: (loaded, total) => onProgress({ phase: "run", loaded, total }),
      });
      return ended ? operation.finish() : undefined;
    } finally {
      operation.release();
    }
  }
}

/** Answers calls until the worker is terminated. */
export function serve(port: HostPort, platform: Platform): void {
  const host = new Host(port, platform);
  port.listen((message) => host.receive(message));
}
