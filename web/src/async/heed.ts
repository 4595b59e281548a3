/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The asynchronous face: the module lives in a worker of its own, and no call blocks the caller.
 *
 * Calls run one after the other, in the order in which they were made. Inputs of up to 8 MiB together are copied before
 * the call returns, so they may be changed at once; larger ones are copied in parts, to keep the page responsive, and
 * must be left alone until the call settles. Results are moved, not copied.
 */
import type { CacheOptions } from "../cache-options.js";
import type { LoadOptions } from "../decoder-options.js";
import { planAttend } from "../check/attend.js";
import { planAttendTopK, type TopKPlan } from "../check/attend-top-k.js";
import { unwrapForeign } from "../check/foreign.js";
import { checkSimulationOptions } from "../check/call-options.js";
import { planIndex } from "../check/key-index.js";
import { checkCreateOptions } from "../check/create-options.js";
import { formulaNames } from "../check/formula-names.js";
import { planScores } from "../check/scores.js";
import { planSelectTopK } from "../check/select-top-k.js";
import { HeedError, reasonOf } from "../errors.js";
import type {
  ForeignAttendOptions,
  ForeignIndexOptions,
  ForeignInput,
  ForeignResult,
  ForeignScoresOptions,
  ForeignTensor,
  ForeignTopKOptions,
  ForeignTopKResult,
} from "../foreign.js";
import type {
  AttendOptions,
  CallOptions,
  CreateOptions,
  IndexOptions,
  Numbers,
  ScoresOptions,
  SimulationId,
  SimulationParameters,
  TopKOptions,
} from "../options.js";
import type {
  AttendResult,
  CertifiedTopKResult,
  IndexedTopKResult,
  Info,
  MemoryUse,
  Selection,
  SimulationRows,
  TopKResult,
} from "../results.js";
import { disposeOnUsing } from "../runtime/dispose.js";
import type { TheoryOf } from "../theory.js";
import type { OpenAddress } from "../model/source-of.js";
import { Client } from "../worker/client.js";
import { loadArguments } from "../worker/load-arguments.js";
import type { WorkerStarter } from "../worker/starter.js";
import { isKeyIndex, KeyIndex } from "./key-index.js";
import type { Decoder } from "./decoder.js";
import type { KvCache } from "./kv-cache.js";

/** The formulas of the theory, computed in the worker. */
export type Theory = TheoryOf<"promise">;

/** A copy of what the worker is to check: what cannot be posted is refused here. */
function posted<T>(args: T): T {
  try {
    return structuredClone(args);
  } catch (error) {
    throw new HeedError("invalid-argument", `the parameters of simulate cannot be posted: ${reasonOf(error)}`);
  }
}

/** Loads language models. */
export interface DecoderLoader {
  /**
   * Loads a model of the Llama architecture into the worker, and the module that runs it.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `unsupported` for files that are not a model which is
   * computed here, `load-failed` for one that cannot be read, `out-of-memory`, `disposed`, `worker-died`; rejects with
   * the signal's reason when cancelled
   */
  load(options: LoadOptions): Promise<Decoder>;
}

/** Keys as attendTopK takes them. */
export type Keys = Numbers | KeyIndex;

/** A module that runs in a worker. `create` makes one. */
export class Heed {
  /** What was loaded, and why not more. */
  readonly info: Info;
  /** Formulas in double precision; each rejects with `invalid-argument` for a parameter outside its range. */
  readonly theory: Theory;
  /** Language models. */
  readonly Decoder: DecoderLoader;
  readonly #client: Client;

  /** @internal */
  constructor(client: Client, info: Info, open: OpenAddress) {
    this.#client = client;
    this.Decoder = {
      async load(options) {
        client.assertAlive();
        // Most pages run no model.
        const { loadAsync } = await import("./decoder.js");
        return loadAsync(client, open, options);
      },
    };
    this.info = Object.freeze(info);
    const radius: Theory["radius"] = async (parameters, options = {}) => {
      client.assertAlive();
      // Formulas are a quarter of the code, and most pages do without.
      const { planRadius } = await import("../check/radius.js");
      return client.call("radius", planRadius(parameters, options), options);
    };
    const theory = formulaNames.map((name) => [
      name,
      async (parameters: unknown) => {
        client.assertAlive();
        const { checkTheory } = await import("../check/theory.js");
        return client.call("theory", checkTheory(name, parameters));
      },
    ]);
    this.theory = {
      ...(Object.fromEntries(theory) as Theory),
      radius,
      ropeAveragedNorm: async (parameters, options) => (await radius(parameters, options)).ropeNorm,
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
  attend(
    q: ForeignTensor,
    k: ForeignInput,
    v: ForeignInput,
    options: ForeignAttendOptions & { lse: true },
  ): Promise<AttendResult<ForeignResult>>;
  attend(q: ForeignTensor, k: ForeignInput, v: ForeignInput, options: ForeignAttendOptions): Promise<ForeignResult>;
  async attend(
    q: ForeignInput,
    k: ForeignInput,
    v: ForeignInput,
    options: AttendOptions | ForeignAttendOptions,
  ): Promise<unknown> {
    this.#client.assertAlive();
    const call = unwrapForeign({ q, k, v }, options as AttendOptions);
    const plan = planAttend(call.q, call.k, call.v, call.options);
    const reply = await this.#client.call("attend", { ...plan, out: { kind: "fresh" } }, options);
    const out = call.dress(await this.#client.deliver(reply.out, plan.out));
    return reply.lse === undefined ? out : { out, lse: reply.lse };
  }

  /**
   * Attention over the best `keep` keys of each row, and how much attention that dropped.
   *
   * Shapes and rules as in attend. `dropped`, `bound`, `kept` and certificates are per (batch, query, head).
   *
   * @throws {HeedError} as attend
   */
  attendTopK(
    q: Numbers,
    k: Keys,
    v: Numbers,
    options: TopKOptions & { indices: true; certificates: true },
  ): Promise<IndexedTopKResult & CertifiedTopKResult>;
  attendTopK(q: Numbers, k: Keys, v: Numbers, options: TopKOptions & { indices: true }): Promise<IndexedTopKResult>;
  attendTopK(
    q: Numbers,
    k: Keys,
    v: Numbers,
    options: TopKOptions & { certificates: true },
  ): Promise<CertifiedTopKResult>;
  attendTopK(q: Numbers, k: Keys, v: Numbers, options: TopKOptions): Promise<TopKResult>;
  attendTopK<const Options extends ForeignTopKOptions>(
    q: ForeignTensor,
    k: Keys | ForeignTensor,
    v: ForeignInput,
    options: Options,
  ): Promise<ForeignTopKResult<Options>>;
  async attendTopK(
    q: ForeignInput,
    k: Keys | ForeignTensor,
    v: ForeignInput,
    options: TopKOptions | ForeignTopKOptions,
  ): Promise<unknown> {
    this.#client.assertAlive();
    const call = unwrapForeign({ q, k, v }, options as TopKOptions);
    const { plan, ...posted } = this.#planTopK(call.q, call.k, call.v, call.options);
    const reply = await this.#client.call("attendTopK", { ...plan, ...posted, out: { kind: "fresh" } }, options);
    return { ...reply, out: call.dress(await this.#client.deliver(reply.out, plan.out)) };
  }

  /**
   * Prepares keys, (batch, keys, kvHeads, headDim), once for many calls of attendTopK, which take it in place of `k`.
   * It lives in the worker with a copy of them. The caller disposes it.
   *
   * @throws {HeedError} as attend
   */
  index(k: ForeignTensor, options: ForeignIndexOptions): Promise<KeyIndex>;
  index(k: Numbers, options: IndexOptions): Promise<KeyIndex>;
  async index(k: ForeignInput, options: IndexOptions | ForeignIndexOptions): Promise<KeyIndex> {
    this.#client.assertAlive();
    const call = unwrapForeign({ k }, options as IndexOptions);
    const plan = planIndex(call.k, call.options);
    const id = await this.#client.call("index", plan, options);
    return new KeyIndex(this.#client, id, { search: plan.search, length: plan.k.length, shape: plan.shape });
  }

  /**
   * The scores as they are compared and summed, softcap and mask included: (batch, heads, queries, keys); -Infinity
   * where a key is hidden.
   *
   * @throws {HeedError} as attend
   */
  scores(q: ForeignTensor, k: ForeignInput, options: ForeignScoresOptions): Promise<Float32Array>;
  scores(q: Numbers, k: Numbers, options: ScoresOptions): Promise<Float32Array>;
  scores(q: ForeignInput, k: ForeignInput, options: ScoresOptions | ForeignScoresOptions): Promise<Float32Array> {
    return this.#matrices("scores", q, k, options);
  }

  /**
   * The attention probabilities: (batch, heads, queries, keys); 0 where a key is hidden.
   *
   * @throws {HeedError} as attend
   */
  weights(q: ForeignTensor, k: ForeignInput, options: ForeignScoresOptions): Promise<Float32Array>;
  weights(q: Numbers, k: Numbers, options: ScoresOptions): Promise<Float32Array>;
  weights(q: ForeignInput, k: ForeignInput, options: ScoresOptions | ForeignScoresOptions): Promise<Float32Array> {
    return this.#matrices("weights", q, k, options);
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
   * Runs a protocol of the theory, row by row; the README lists them by id. What was yielded stays when a later row
   * fails or the signal aborts. Parameters are checked in the worker. The first call loads the module that simulates,
   * unless `create({ studies: true })` did; `onProgress` is told of that too.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `non-finite`, `disposed`, `load-failed`, `out-of-memory`,
   * `worker-died`
   */
  async *simulate<Id extends SimulationId>(
    id: Id,
    parameters: SimulationParameters[Id],
    options: CallOptions = {},
  ): AsyncGenerator<SimulationRows[Id], void, undefined> {
    this.#client.assertAlive();
    checkSimulationOptions(options);
    const { signal, onProgress } = options;
    const passed = signal ? { signal } : {};
    const points = await this.#client.call("planSimulation", posted({ id, parameters }), passed);
    await this.#client.load("study", { ...passed, ...(onProgress ? { onProgress } : {}) });
    for (const [i, point] of points.entries()) {
      // Progress counts points: the finished ones and the part of the current one.
      const report = onProgress && {
        onProgress: ({ loaded, total }: { loaded: number; total: number }) =>
          onProgress({ phase: "run", loaded: i + (total > 0 ? loaded / total : 1), total: points.length }),
      };
      const rows = await this.#client.call("simulate", point, { ...passed, ...report });
      for (const row of rows) {
        signal?.throwIfAborted();
        yield row as SimulationRows[Id];
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
    // Decoding is a fifth of the code, and most pages do without.
    const { createCache } = await import("./kv-cache.js");
    return createCache(this.#client, options);
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

  async #matrices(
    kind: "scores" | "weights",
    q: ForeignInput,
    k: ForeignInput,
    options: ScoresOptions | ForeignScoresOptions,
  ): Promise<Float32Array> {
    this.#client.assertAlive();
    const call = unwrapForeign({ q, k }, options as ScoresOptions);
    return this.#client.call(kind, planScores(kind, call.q, call.k, call.options), options);
  }

  /** An index is posted as its number. */
  #planTopK(q: unknown, k: unknown, v: unknown, options: TopKOptions) {
    if (!isKeyIndex(k)) {
      const plan = planAttendTopK(q, k, v, options);
      return { plan, k: plan.k };
    }
    const id = k.id(this.#client);
    // Only in the place of k: anywhere else it is no array, and refused as such.
    const isIndex = (value: unknown): value is KeyIndex => value === k && value !== q && value !== v;
    const plan = planAttendTopK(q, k, v, options, isIndex, k);
    return { plan: plan as TopKPlan<never>, k: { kind: "index", id } as const };
  }

  declare [Symbol.dispose]: () => void;
}

disposeOnUsing(Heed);

/** @internal */
export async function createAsync(starter: WorkerStarter, options: CreateOptions = {}): Promise<Heed> {
  checkCreateOptions(options);
  const { signal, onProgress } = options;
  signal?.throwIfAborted();
  const args = await loadArguments(options, starter);
  signal?.throwIfAborted();

  const client = new Client(starter.start(options.workerUrl), starter.source);
  const stopped = new HeedError("worker-died", "the worker was ended, because create was cancelled");
  const stop = () => void client.end(stopped);
  signal?.addEventListener("abort", stop);
  try {
    const info = await client.call("load", args, {
      ...(signal ? { signal } : {}),
      ...(onProgress ? { onProgress } : {}),
    });
    return new Heed(client, info, starter.open);
  } catch (error) {
    await client.end(stopped);
    throw error;
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
