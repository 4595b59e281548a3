/// <reference lib="esnext.disposable" preserve="true" />
/**
 * The synchronous face: every call returns when its result is there.
 *
 * Arrays in, plain arrays out; tensors in, a tensor out, and nothing is copied. It blocks its caller: made for workers,
 * for Node, and for windows only where the work is small.
 */
import type { CacheOptions } from "../cache-options.js";
import type { LoadOptions } from "../decoder-options.js";
import { planAttend } from "../check/attend.js";
import { planAttendTopK } from "../check/attend-top-k.js";
import { unwrapForeign } from "../check/foreign.js";
import { planIndex } from "../check/key-index.js";
import { planCache } from "../check/cache.js";
import { checkCreateOptions } from "../check/create-options.js";
import { planRadius } from "../check/radius.js";
import { planScores } from "../check/scores.js";
import { planSelectTopK } from "../check/select-top-k.js";
import { checkSimulationOptions } from "../check/call-options.js";
import { planSimulation, type SimulationPoint } from "../check/simulate.js";
import { formulaNames } from "../check/formula-names.js";
import { checkTheory } from "../check/theory.js";
import { prepareAttend } from "../operations/attend.js";
import { prepareAttendTopK } from "../operations/attend-top-k.js";
import { StoredCache } from "../operations/cache.js";
import { prepareIndex } from "../operations/key-index.js";
import { complete, type Operation } from "../operations/operation.js";
import { prepareRadius } from "../operations/radius.js";
import { prepareScores } from "../operations/scores.js";
import { prepareSelectTopK } from "../operations/select-top-k.js";
import { prepareSimulation } from "../operations/simulate.js";
import { prepareTheory } from "../operations/theory.js";
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
  SimulationRow,
  SimulationRows,
  TopKResult,
} from "../results.js";
import { disposeOnUsing } from "../runtime/dispose.js";
import { isKeyIndex, type KeyIndex } from "../runtime/key-index.js";
import { load } from "../runtime/load.js";
import { Modules } from "../runtime/modules.js";
import type { Platform } from "../runtime/platform.js";
import type { Runtime, StudyRuntime } from "../runtime/runtime.js";
import { createTensor, isTensor, type Tensor } from "../runtime/tensor.js";
import type { TheoryOf } from "../theory.js";
import type { Decoder } from "./decoder.js";
import { KvCache } from "./kv-cache.js";

/** Numbers as heed/sync takes them. */
export type Input = Numbers | Tensor;

/** The formulas of the theory. */
export type Theory = TheoryOf<"now">;

/** Loads language models. */
export interface DecoderLoader {
  /**
   * Loads a model of the Llama architecture, and the module that runs it. Files take their time, so this is a promise
   * here too.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `unsupported` for files that are not a model which is
   * computed here, `load-failed` for one that cannot be read, `out-of-memory`, `disposed`, or the signal's reason
   */
  load(options: LoadOptions): Promise<Decoder>;
}

/** A module that runs in this thread. `create` makes one. */
export class Heed {
  /** What was loaded, and why not more. */
  readonly info: Info;
  /** Formulas in double precision; each throws `invalid-argument` for a parameter outside its range. */
  readonly theory: Theory;
  /** Language models. */
  readonly Decoder: DecoderLoader;
  readonly #modules: Modules;
  readonly #runtime: Runtime;

  /** @internal */
  constructor(modules: Modules) {
    const runtime = modules.core;
    this.#modules = modules;
    this.#runtime = runtime;
    this.info = Object.freeze({ ...runtime.info });
    this.Decoder = {
      async load(options) {
        runtime.assertAlive();
        // Most programs run no model.
        const { loadSync } = await import("./decoder.js");
        return loadSync(modules.platform, modules, options);
      },
    };
    const radius: Theory["radius"] = (parameters, options = {}) => {
      runtime.assertAlive();
      const plan = planRadius(parameters, options);
      return this.#complete(options, () => prepareRadius(runtime, plan));
    };
    const theory = formulaNames.map((name) => [
      name,
      (parameters: unknown) => {
        runtime.assertAlive();
        return complete(prepareTheory(runtime, checkTheory(name, parameters)));
      },
    ]);
    this.theory = {
      ...(Object.fromEntries(theory) as Theory),
      radius,
      ropeAveragedNorm: (parameters, options) => radius(parameters, options).ropeNorm,
    };
  }

  /**
   * softmax(scale · q kᵀ) v, exactly, without ever holding the n x n matrix.
   *
   * `q` (batch, queries, heads, headDim), `k` (batch, keys, kvHeads, headDim), `v` (batch, keys, kvHeads, valueDim) →
   * (batch, queries, heads, valueDim). Rows that see no key are zeros. Windows, masks and softcap: see ScoreRules.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `non-finite`, `detached`, `disposed`, `out-of-memory`
   */
  attend(q: Tensor, k: Tensor, v: Tensor, options: AttendOptions<Tensor> & { lse: true }): AttendResult<Tensor>;
  attend(q: Tensor, k: Tensor, v: Tensor, options: AttendOptions<Tensor>): Tensor;
  attend(q: Input, k: Input, v: Input, options: AttendOptions & { lse: true }): AttendResult;
  attend(q: Input, k: Input, v: Input, options: AttendOptions): Float32Array;
  attend(
    q: ForeignTensor,
    k: ForeignInput,
    v: ForeignInput,
    options: ForeignAttendOptions & { lse: true },
  ): AttendResult<ForeignResult>;
  attend(q: ForeignTensor, k: ForeignInput, v: ForeignInput, options: ForeignAttendOptions): ForeignResult;
  attend(
    q: Input | ForeignTensor,
    k: Input | ForeignTensor,
    v: Input | ForeignTensor,
    options: AttendOptions<Float32Array | Tensor> | ForeignAttendOptions,
  ): unknown {
    this.#runtime.assertAlive();
    const call = unwrapForeign({ q, k, v }, options as AttendOptions);
    const plan = planAttend(call.q, call.k, call.v, call.options, isTensor);
    const { out, lse } = this.#complete(options, () => prepareAttend(this.#runtime, plan));
    return lse === undefined ? call.dress(out) : { out: call.dress(out), lse };
  }

  /**
   * Attention over the best `keep` keys of each row, and how much attention that dropped.
   *
   * Shapes and rules as in attend. `dropped`, `bound`, `kept` and certificates are per (batch, query, head).
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `non-finite`, `detached`, `disposed`, `out-of-memory`
   */
  attendTopK(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    options: TopKOptions<Tensor> & { indices: true; certificates: true },
  ): IndexedTopKResult<Tensor> & CertifiedTopKResult<Tensor>;
  attendTopK(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    options: TopKOptions<Tensor> & { indices: true },
  ): IndexedTopKResult<Tensor>;
  attendTopK(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    options: TopKOptions<Tensor> & { certificates: true },
  ): CertifiedTopKResult<Tensor>;
  attendTopK(q: Tensor, k: Tensor, v: Tensor, options: TopKOptions<Tensor>): TopKResult<Tensor>;
  attendTopK(
    q: Input,
    k: Input,
    v: Input,
    options: TopKOptions & { indices: true; certificates: true },
  ): IndexedTopKResult & CertifiedTopKResult;
  attendTopK(q: Input, k: Input, v: Input, options: TopKOptions & { indices: true }): IndexedTopKResult;
  attendTopK(q: Input, k: Input, v: Input, options: TopKOptions & { certificates: true }): CertifiedTopKResult;
  attendTopK(q: Input, k: Input, v: Input, options: TopKOptions): TopKResult;
  attendTopK<const Options extends ForeignTopKOptions>(
    q: ForeignTensor,
    k: Input | ForeignTensor,
    v: ForeignInput,
    options: Options,
  ): ForeignTopKResult<Options>;
  attendTopK(
    q: Input | ForeignTensor,
    k: Input | ForeignTensor,
    v: Input | ForeignTensor,
    options: TopKOptions<Float32Array | Tensor> | ForeignTopKOptions,
  ): unknown {
    this.#runtime.assertAlive();
    const call = unwrapForeign({ q, k, v }, options as TopKOptions);
    const plan = planAttendTopK(call.q, call.k, call.v, call.options, isTensor, isKeyIndex(k) ? k : undefined);
    const result = this.#complete(options, () => prepareAttendTopK(this.#runtime, plan));
    return { ...result, out: call.dress(result.out) };
  }

  /**
   * Prepares keys, (batch, keys, kvHeads, headDim), once for many calls of attendTopK, which take it in place of `k`.
   * It holds a copy of them. The caller disposes it.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `non-finite`, `detached`, `disposed`, `out-of-memory`
   */
  index(k: Input, options: IndexOptions): KeyIndex;
  index(k: ForeignTensor, options: ForeignIndexOptions): KeyIndex;
  index(k: Input | ForeignTensor, options: IndexOptions | ForeignIndexOptions): KeyIndex {
    this.#runtime.assertAlive();
    const call = unwrapForeign({ k }, options as IndexOptions);
    const plan = planIndex(call.k, call.options, isTensor);
    return this.#complete(options, () => prepareIndex(this.#runtime, plan));
  }

  /**
   * The scores as they are compared and summed, softcap and mask included: (batch, heads, queries, keys); -Infinity
   * where a key is hidden.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `non-finite`, `detached`, `disposed`, `out-of-memory`
   */
  scores(q: ForeignTensor, k: ForeignInput, options: ForeignScoresOptions): Float32Array;
  scores(q: Input, k: Input, options: ScoresOptions): Float32Array;
  scores(
    q: Input | ForeignTensor,
    k: Input | ForeignTensor,
    options: ScoresOptions | ForeignScoresOptions,
  ): Float32Array {
    return this.#matrices("scores", q, k, options);
  }

  /**
   * The attention probabilities: (batch, heads, queries, keys); 0 where a key is hidden.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `non-finite`, `detached`, `disposed`, `out-of-memory`
   */
  weights(q: ForeignTensor, k: ForeignInput, options: ForeignScoresOptions): Float32Array;
  weights(q: Input, k: Input, options: ScoresOptions): Float32Array;
  weights(
    q: Input | ForeignTensor,
    k: Input | ForeignTensor,
    options: ScoresOptions | ForeignScoresOptions,
  ): Float32Array {
    return this.#matrices("weights", q, k, options);
  }

  /**
   * The k largest of `scores` in rank order: score descending, then index ascending, NaN last. More than all means all.
   *
   * @throws {HeedError} `invalid-argument`, `detached`, `disposed`, `out-of-memory`
   */
  selectTopK(scores: Float32Array | Tensor, k: number, options: CallOptions = {}): Selection {
    this.#runtime.assertAlive();
    const plan = planSelectTopK(scores, k, options, isTensor);
    return this.#complete(options, () => prepareSelectTopK(this.#runtime, plan));
  }

  /**
   * Runs a protocol of the theory, row by row; the README lists them by id. What was yielded stays when a later row
   * fails or the signal aborts. It needs `create({ studies: true })`, because nothing can be loaded in a call.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `non-finite`, `disposed`, `out-of-memory`
   */
  simulate<Id extends SimulationId>(
    id: Id,
    parameters: SimulationParameters[Id],
    options: CallOptions = {},
  ): Generator<SimulationRows[Id], void, undefined> {
    this.#runtime.assertAlive();
    checkSimulationOptions(options);
    const runtime = this.#modules.beside("study");
    // The rows of a protocol are those of its id.
    return this.#points(runtime, planSimulation(id, parameters), options) as Generator<
      SimulationRows[Id],
      void,
      undefined
    >;
  }

  *#points(
    runtime: StudyRuntime,
    points: readonly SimulationPoint[],
    { signal, onProgress }: CallOptions,
  ): Generator<SimulationRow, void, undefined> {
    for (const [i, point] of points.entries()) {
      const rows = this.#complete({ ...(signal ? { signal } : {}) }, () => prepareSimulation(runtime, point));
      onProgress?.({ phase: "run", loaded: i + 1, total: points.length });
      for (const row of rows) {
        signal?.throwIfAborted();
        yield row;
      }
    }
  }

  /**
   * Numbers in the module's own memory: zeros of that length, or a copy of an array. The caller disposes it.
   *
   * @throws {HeedError} `invalid-argument`, `detached`, `disposed`, `out-of-memory`
   */
  tensor(contents: number | Float32Array): Tensor {
    this.#runtime.assertAlive();
    return createTensor(this.#runtime, contents);
  }

  /**
   * An empty cache of keys and values, for decoding token by token. The caller disposes it.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `disposed`, `out-of-memory`
   */
  cache(options: CacheOptions): KvCache {
    this.#runtime.assertAlive();
    return new KvCache(new StoredCache(this.#runtime, planCache(options)));
  }

  /** How much memory is in use. @throws {HeedError} `disposed` */
  memory(): MemoryUse {
    return this.#modules.memory();
  }

  /** Ends the threads and gives the memory up, tensors included. A second call does nothing. */
  dispose(): void {
    this.#modules.dispose();
  }

  declare [Symbol.dispose]: () => void;

  #matrices(
    kind: "scores" | "weights",
    q: Input | ForeignTensor,
    k: Input | ForeignTensor,
    options: ScoresOptions | ForeignScoresOptions,
  ): Float32Array {
    this.#runtime.assertAlive();
    const call = unwrapForeign({ q, k }, options as ScoresOptions);
    const plan = planScores(kind, call.q, call.k, call.options, isTensor);
    return this.#complete(options, () => prepareScores(this.#runtime, plan, kind));
  }

  #complete<Result>({ signal, onProgress }: CallOptions, prepare: () => Operation<Result>): Result {
    signal?.throwIfAborted();
    const operation = prepare();
    const { units } = operation;
    const result = complete(operation);
    onProgress?.({ phase: "run", loaded: units, total: units });
    return result;
  }
}

disposeOnUsing(Heed);

/** @internal */
export async function createSync(platform: Platform, options: CreateOptions = {}): Promise<Heed> {
  checkCreateOptions(options);
  const modules = new Modules(platform, await load(platform, options), options);
  try {
    if (options.studies) await modules.load("study", options);
    return new Heed(modules);
  } catch (error) {
    modules.dispose();
    throw error;
  }
}
