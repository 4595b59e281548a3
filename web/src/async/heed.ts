/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The asynchronous face: the module lives in a worker of its own, and no call blocks the caller.
 *
 * Calls run one after the other, in the order in which they were made. Inputs of up to 8 MiB together are copied before
 * the call returns, so they may be changed at once; larger ones are copied in parts, to keep the page responsive, and
 * must be left alone until the call settles. Results are moved, not copied.
 */
import type { CacheOptions } from "../cache-options.js";
import { planAttend } from "../check/attend.js";
import { planAttendTopK } from "../check/attend-top-k.js";
import { planCache } from "../check/cache.js";
import { checkCreateOptions } from "../check/create-options.js";
import { planScores } from "../check/scores.js";
import { planSelectTopK } from "../check/select-top-k.js";
import { checkSimulationId, planCollapse } from "../check/simulate.js";
import { checkIneffectiveShareParameters, checkWindowLawParameters } from "../check/theory.js";
import { HeedError } from "../errors.js";
import type { Formulas } from "../operations/theory.js";
import type {
  AttendOptions,
  CallOptions,
  CreateOptions,
  Numbers,
  ScoresOptions,
  SimulationId,
  SimulationParameters,
  TopKOptions,
} from "../options.js";
import type {
  AttendResult,
  IndexedTopKResult,
  Info,
  MemoryUse,
  Selection,
  SimulationRows,
  TopKResult,
} from "../results.js";
import { disposeOnUsing } from "../runtime/dispose.js";
import { Client } from "../worker/client.js";
import { loadArguments } from "../worker/load-arguments.js";
import type { WorkerStarter } from "../worker/starter.js";
import { KvCache } from "./kv-cache.js";

/** The formulas of the theory, computed in the worker. */
export type Theory = { readonly [Name in keyof Formulas]: (parameters: Formulas[Name]) => Promise<number> };

/** A module that runs in a worker. `create` makes one. */
export class Heed {
  /** What was loaded, and why not more. */
  readonly info: Info;
  /** Formulas in double precision; each rejects with `invalid-argument` for a parameter outside its range. */
  readonly theory: Theory;
  readonly #client: Client;

  /** @internal */
  constructor(client: Client, info: Info) {
    this.#client = client;
    this.info = Object.freeze(info);
    this.theory = {
      windowLaw: async (parameters) => {
        checkWindowLawParameters(parameters);
        return client.call("windowLaw", parameters);
      },
      ineffectiveShare: async (parameters) => {
        checkIneffectiveShareParameters(parameters);
        return client.call("ineffectiveShare", parameters);
      },
    };
  }

  /**
   * softmax(scale · q kᵀ) v, exactly, without ever holding the n x n matrix.
   *
   * `q` (batch, queries, heads, headDim), `k` (batch, keys, kvHeads, headDim), `v` (batch, keys, kvHeads, valueDim) →
   * (batch, queries, heads, valueDim). Rows that see no key are zeros. Windows, masks and softcap: see ScoreRules.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `non-finite`, `detached`, `disposed`, `out-of-memory`,
   * `worker-died`; rejects with the signal's reason when cancelled
   */
  attend(q: Numbers, k: Numbers, v: Numbers, options: AttendOptions & { lse: true }): Promise<AttendResult>;
  attend(q: Numbers, k: Numbers, v: Numbers, options: AttendOptions): Promise<Float32Array>;
  async attend(q: Numbers, k: Numbers, v: Numbers, options: AttendOptions): Promise<unknown> {
    this.#client.assertAlive();
    const plan = planAttend(q, k, v, options);
    const reply = await this.#client.call("attend", { ...plan, out: { kind: "fresh" } }, options);
    const out = await this.#client.deliver(reply.out, plan.out);
    return reply.lse === undefined ? out : { out, lse: reply.lse };
  }

  /**
   * Attention over the best `keep` keys of each row, and how much attention that dropped.
   *
   * Shapes as in attend. `dropped`, `bound`, `kept` are per (batch, query, head).
   *
   * @throws {HeedError} as attend
   */
  attendTopK(q: Numbers, k: Numbers, v: Numbers, options: TopKOptions & { indices: true }): Promise<IndexedTopKResult>;
  attendTopK(q: Numbers, k: Numbers, v: Numbers, options: TopKOptions): Promise<TopKResult>;
  async attendTopK(q: Numbers, k: Numbers, v: Numbers, options: TopKOptions): Promise<unknown> {
    this.#client.assertAlive();
    const plan = planAttendTopK(q, k, v, options);
    const reply = await this.#client.call("attendTopK", { ...plan, out: { kind: "fresh" } }, options);
    return { ...reply, out: await this.#client.deliver(reply.out, plan.out) };
  }

  /**
   * The scores as they are compared and summed, softcap and mask included: (batch, heads, queries, keys); -Infinity
   * where a key is hidden.
   *
   * @throws {HeedError} as attend
   */
  async scores(q: Numbers, k: Numbers, options: ScoresOptions): Promise<Float32Array> {
    this.#client.assertAlive();
    return this.#client.call("scores", planScores("scores", q, k, options), options);
  }

  /**
   * The attention probabilities: (batch, heads, queries, keys); 0 where a key is hidden.
   *
   * @throws {HeedError} as attend
   */
  async weights(q: Numbers, k: Numbers, options: ScoresOptions): Promise<Float32Array> {
    this.#client.assertAlive();
    return this.#client.call("weights", planScores("weights", q, k, options), options);
  }

  /**
   * The k largest of `scores` in rank order: score descending, then index ascending, NaN last. More than all means all.
   *
   * @throws {HeedError} as attend
   */
  async selectTopK(scores: Float32Array, k: number, options: CallOptions = {}): Promise<Selection> {
    this.#client.assertAlive();
    return this.#client.call("selectTopK", planSelectTopK(scores, k, options), options);
  }

  /**
   * Runs a protocol of the theory, row by row. E1: how many entries of a row exceed epsilon as n grows.
   *
   * @throws {HeedError} `invalid-argument`, `disposed`, `out-of-memory`, `worker-died`
   */
  async *simulate<Id extends SimulationId>(
    id: Id,
    parameters: SimulationParameters[Id],
    options: CallOptions = {},
  ): AsyncGenerator<SimulationRows[Id], void, undefined> {
    this.#client.assertAlive();
    checkSimulationId(id);
    const points = planCollapse(parameters, options);
    const { signal, onProgress } = options;
    for (const [i, point] of points.entries()) {
      // Progress counts lengths: the finished ones and the part of the current one.
      const report = onProgress && {
        onProgress: ({ loaded, total }: { loaded: number; total: number }) =>
          onProgress({ phase: "run", loaded: i + (total > 0 ? loaded / total : 1), total: points.length }),
      };
      const rows = await this.#client.call("collapse", point, { ...(signal ? { signal } : {}), ...report });
      for (const row of rows) {
        signal?.throwIfAborted();
        yield row;
      }
    }
  }

  /**
   * An empty cache of keys and values, for decoding token by token. The caller disposes it.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `disposed`, `out-of-memory`, `worker-died`
   */
  async cache(options: CacheOptions): Promise<KvCache> {
    this.#client.assertAlive();
    const shape = planCache(options);
    return new KvCache(this.#client, await this.#client.call("cacheCreate", shape), shape);
  }

  /** How much memory is in use. @throws {HeedError} `disposed`, `worker-died` */
  async memory(): Promise<MemoryUse> {
    return this.#client.call("memory", null);
  }

  /**
   * Ends the worker and gives all memory back. Calls that still wait reject with `disposed`. A second call does
   * nothing. The promise settles when the worker is gone.
   */
  dispose(): Promise<void> {
    return this.#client.end(new HeedError("disposed", "this instance was disposed; create a new one"));
  }

  /** Kills the worker, whatever it is doing: calls that wait reject with `worker-died`. */
  terminate(): Promise<void> {
    return this.#client.end(new HeedError("worker-died", "the worker was terminated; create a new instance"));
  }

  declare [Symbol.dispose]: () => void;
}

disposeOnUsing(Heed);

/** @internal */
export async function createAsync(starter: WorkerStarter, options: CreateOptions = {}): Promise<Heed> {
  checkCreateOptions(options);
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const args = await loadArguments(options, starter.resolve);
  signal?.throwIfAborted();

  const client = new Client(starter.start(options.workerUrl));
  const stopped = new HeedError("worker-died", "the worker was ended, because create was cancelled");
  const stop = () => void client.end(stopped);
  signal?.addEventListener("abort", stop);
  try {
    const info = await client.call("load", args, {
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
    });
    return new Heed(client, info);
  } catch (error) {
    await client.end(stopped);
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
