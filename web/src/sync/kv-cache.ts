/// <reference lib="esnext.disposable" preserve="true" />
/** A cache of keys and values, synchronously. */
import type { AppendOptions, DecodeOptions, LayerOptions } from "../cache-options.js";
import { checkTokens, planAppend, planDecode, planLayer } from "../check/cache.js";
import { prepareAppend, prepareDecode, type StoredCache } from "../operations/cache.js";
import { complete, type Operation } from "../operations/operation.js";
import type { CallOptions, Numbers } from "../options.js";
import type { AttendResult } from "../results.js";
import { disposeOnUsing } from "../runtime/dispose.js";
import { isTensor, type Tensor } from "../runtime/tensor.js";

type Input = Numbers | Tensor;

/**
 * The keys and values of the tokens so far, layer by layer. `heed.cache()` makes one; the caller disposes it.
 *
 * A call that fails leaves the cache as it was.
 */
export class KvCache {
  readonly #cache: StoredCache;

  /** @internal */
  constructor(cache: StoredCache) {
    this.#cache = cache;
  }

  /** Tokens that a layer holds. @throws {HeedError} `invalid-argument`, `disposed` */
  length(options: LayerOptions = {}): number {
    return this.#cache.length(planLayer("length", this.#cache.shape, options));
  }

  /** Bytes of all pages, those that forks share too. @throws {HeedError} `disposed` */
  bytes(): number {
    return this.#cache.bytes();
  }

  /**
   * Stores tokens of one layer behind those it holds: `k` (tokens, kvHeads, headDim), `v` (tokens, kvHeads, valueDim).
   * Returns the layer's new length.
   *
   * @throws {HeedError} `invalid-argument`, also beyond the capacity, `shape-mismatch`, `non-finite`, `detached`,
   * `disposed`, `out-of-memory`
   */
  append(k: Input, v: Input, options: AppendOptions = {}): number {
    const plan = planAppend(this.#cache.shape, k, v, options, isTensor);
    return this.#complete(options, () => prepareAppend(this.#cache, plan));
  }

  /**
   * Exact attention of the newest queries over all that the layer holds: `q` (queries, heads, headDim) → (queries,
   * heads, valueDim).
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `non-finite`, `detached`, `disposed`, `out-of-memory`
   */
  attend(q: Tensor, options: DecodeOptions<Tensor> & { lse: true }): AttendResult<Tensor>;
  attend(q: Tensor, options?: DecodeOptions<Tensor>): Tensor;
  attend(q: Input, options: DecodeOptions & { lse: true }): AttendResult;
  attend(q: Input, options?: DecodeOptions): Float32Array;
  attend(q: Input, options: DecodeOptions<Float32Array | Tensor> = {}): unknown {
    const plan = planDecode(this.#cache.shape, q, options, isTensor);
    const { out, lse } = this.#complete(options, () => prepareDecode(this.#cache, plan));
    return lse === undefined ? out : { out, lse };
  }

  /**
   * Forgets what came after the first `length` tokens, in every layer that has more.
   *
   * @throws {HeedError} `invalid-argument` when no layer has as many, `disposed`
   */
  rewind(length: number): void {
    this.#cache.rewind(checkTokens("length", length));
  }

  /** Forgets everything. @throws {HeedError} `disposed` */
  clear(): void {
    this.#cache.clear();
  }

  /**
   * A second cache with the same tokens. The two share memory until one of them writes to a page.
   *
   * @throws {HeedError} `disposed`, `out-of-memory`
   */
  fork(): KvCache {
    return new KvCache(this.#cache.fork());
  }

  /** Gives the memory back. A second call does nothing. */
  dispose(): void {
    this.#cache.dispose();
  }

  declare [Symbol.dispose]: () => void;

  #complete<Result>({ signal, onProgress }: CallOptions, prepare: () => Operation<Result>): Result {
    signal?.throwIfAborted();
    const operation = prepare();
    const { units } = operation;
    const result = complete(operation);
    onProgress?.({ phase: "run", loaded: units, total: units });
    return result;
  }
}

disposeOnUsing(KvCache);
