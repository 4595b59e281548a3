/**
 * The page's side: promises, progress, cancelling; and nobody is left waiting when the worker ends, however it ends.
 */
import { HeedError } from "../errors.js";
import type { PostedOperand } from "../check/arrays.js";
import type { CallOptions } from "../options.js";
import type { BesideName } from "../runtime/modules.js";
import { bytesAtOnce, copyOperands, copyOperandsAtOnce, copyResult, moveOperands } from "./copy.js";
import { operandsOf, type FromWorker, type RequestName, type Requests, type ToWorker } from "./protocol.js";
import type { WorkerStarter } from "./starter.js";

/** The page's end of the wire. */
export interface ClientPort {
  post(message: ToWorker, transfer: ArrayBuffer[]): void;
  /** `failed` is told why the worker cannot start, or ended by itself. */
  listen(receive: (message: FromWorker) => void, failed: (why: string) => void): void;
  /** Whether the process should wait for the worker. Only Node asks. */
  keepAlive(wanted: boolean): void;
  /** Returns after the page had a turn. */
  pause(): Promise<void>;
  terminate(): Promise<void>;
}

interface Pending {
  resolve(reply: Requests[RequestName]["reply"]): void;
  reject(reason: unknown): void;
  onProgress: CallOptions["onProgress"];
  signal: AbortSignal | undefined;
  /** Whether the worker knows of it. */
  posted: boolean;
  /** Stops listening to the signal. */
  settle(): void;
}

function bytesOf(operands: readonly PostedOperand[]): number {
  return operands.reduce((bytes, { data }) => bytes + data.byteLength, 0);
}

export class Client {
  readonly #port: ClientPort;
  readonly #pending = new Map<number, Pending>();
  #ended: HeedError | undefined;
  #calls = 0;
  /** Ends when the inputs of all calls so far were posted; undefined when they were. */
  #sending: Promise<void> | undefined;

  readonly #source: WorkerStarter["source"];
  readonly #loaded = new Set<BesideName>();

  /** `source`: gives the modules that the worker cannot find by itself. */
  constructor(port: ClientPort, source?: WorkerStarter["source"]) {
    this.#port = port;
    this.#source = source;
    port.keepAlive(false);
    port.listen(
      (message) => this.#receive(message),
      (why) => void this.end(new HeedError("worker-died", `the worker ended: ${why}; create a new instance`)),
    );
  }

  get alive(): boolean {
    return this.#ended === undefined;
  }

  /** @throws {HeedError} why the worker ended */
  assertAlive(): void {
    if (this.#ended) throw new HeedError(this.#ended.code, this.#ended.message);
  }

  /**
   * Inputs are taken over (transfer), copied at once (small ones), or copied in parts. In every case the call takes its
   * place in the order now.
   */
  call<Name extends RequestName>(
    name: Name,
    args: Requests[Name]["args"],
    options: CallOptions = {},
  ): Promise<Requests[Name]["reply"]> {
    const { signal, onProgress, transfer = false } = options;
    return new Promise((resolve, reject) => {
      this.assertAlive();
      signal?.throwIfAborted();
      const operands = args === null ? [] : operandsOf(args);
      const whole = !transfer && bytesOf(operands) > bytesAtOnce;
      const taken = whole ? undefined : transfer ? moveOperands(operands) : copyOperandsAtOnce(operands);

      const id = this.#calls++;
      const cancel = () => this.#cancel(id);
      signal?.addEventListener("abort", cancel, { once: true });
      const settle = () => signal?.removeEventListener("abort", cancel);
      const call: Pending = {
        ...{ resolve: resolve as Pending["resolve"], reject, onProgress, signal, settle },
        posted: false,
      };
      this.#pending.set(id, call);
      this.#port.keepAlive(true);

      const post = (owned: readonly PostedOperand[]) => this.#post(id, name, args, owned, onProgress !== undefined);
      if (taken && this.#sending === undefined) post(taken);
      else this.#sendLater(id, async () => post(taken ?? (await this.#copy(id, operands))));
    });
  }

  /** Loads a module beside the core, the first time. @throws {HeedError} as `create` does */
  async load(module: BesideName, watch: Pick<CallOptions, "signal" | "onProgress">): Promise<void> {
    const added = this.#source && !this.#loaded.has(module) ? { source: await this.#source(module) } : {};
    await this.call("loadBeside", { module, ...added }, watch);
    this.#loaded.add(module);
  }

  /** After the calls whose inputs are still being copied. */
  #sendLater(id: number, send: () => Promise<void>): void {
    const sending = (this.#sending ?? Promise.resolve()).then(send).catch((error: unknown) => this.#fail(id, error));
    this.#sending = sending;
    void sending.then(() => {
      if (this.#sending === sending) this.#sending = undefined;
    });
  }

  #copy(id: number, operands: readonly PostedOperand[]): Promise<PostedOperand[]> {
    return copyOperands(operands, { pause: () => this.#port.pause(), ended: () => !this.#pending.has(id) });
  }

  #post(id: number, name: RequestName, args: object | null, owned: readonly PostedOperand[], reports: boolean): void {
    const call = this.#pending.get(id);
    // Cancelled, or the worker ended, while its inputs were copied.
    if (!call) return;
    call.posted = true;
    const replaced = args && { ...args, ...Object.fromEntries(owned.map((operand) => [operand.name, operand])) };
    const buffers = new Set(owned.map(({ data }) => data.buffer).filter((buffer) => buffer instanceof ArrayBuffer));
    this.#port.post({ kind: "call", id, name, args: replaced, reports } as ToWorker, [...buffers]);
  }

  #cancel(id: number): void {
    const call = this.#pending.get(id);
    if (call?.posted) this.#port.post({ kind: "cancel", id }, []);
    else if (call) this.#fail(id, call.signal?.reason);
  }

  #fail(id: number, reason: unknown): void {
    const call = this.#pending.get(id);
    if (!call) return;
    this.#forget(id, call);
    call.reject(reason);
  }

  /** A result into the caller's own array. */
  async deliver(out: Float32Array, target: { kind: string; data?: Float32Array }): Promise<Float32Array> {
    if (target.data === undefined) return out;
    await copyResult(out, target.data, () => this.#port.pause());
    return target.data;
  }

  #receive(message: FromWorker): void {
    const call = this.#pending.get(message.id);
    if (!call) return;
    if (message.kind === "progress") return this.#report(message.id, call, message.progress);
    this.#forget(message.id, call);
    if (call.signal?.aborted) call.reject(call.signal.reason);
    else if (message.kind === "reply") call.resolve(message.value);
    else if (message.kind === "failure") call.reject(new HeedError(message.error.code, message.error.message));
  }

  /** A listener that throws ends its own call and no other. */
  #report(id: number, call: Pending, progress: Parameters<NonNullable<Pending["onProgress"]>>[0]): void {
    if (call.signal?.aborted) return;
    try {
      call.onProgress?.(progress);
    } catch (error) {
      this.#cancel(id);
      this.#fail(id, error);
    }
  }

  #forget(id: number, call: Pending): void {
    call.settle();
    this.#pending.delete(id);
    if (this.#pending.size === 0) this.#port.keepAlive(false);
  }

  /** Ends the worker: everything that waits is rejected with `why`, and so is every later call. */
  async end(why: HeedError): Promise<void> {
    if (this.#ended) return;
    this.#ended = why;
    for (const [id, call] of [...this.#pending]) {
      this.#forget(id, call);
      call.reject(call.signal?.aborted ? call.signal.reason : why);
    }
    await this.#port.terminate();
  }
}
