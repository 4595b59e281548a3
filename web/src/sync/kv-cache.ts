/// <reference lib="esnext.disposable" preserve="true" />
/** A cache of keys and values, synchronously. */
import type {
  AppendOptions,
  CacheTopKOptions,
  DecodeOptions,
  EvictOptions,
  LayerOptions,
  MonitorOptions,
} from "../cache-options.js";
import type {
  CacheTopKResult,
  CertifiedCacheTopKResult,
  Evicted,
  IndexedCacheTopKResult,
  Monitored,
  MonitoredAttendResult,
} from "../cache-results.js";
import { checkBytes } from "../check/arrays.js";
import {
  checkTokens,
  planAppend,
  planCacheTopK,
  planDecode,
  planEvict,
  planLayer,
  planMonitor,
} from "../check/cache.js";
import { prepareAppend, prepareCacheTopK, prepareDecode, type StoredCache } from "../operations/cache.js";
import { prepareEvict, prepareMonitor } from "../operations/cache-upkeep.js";
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
  attend(q: Tensor, options: DecodeOptions<Tensor> & { monitor: object | true }): MonitoredAttendResult<Tensor>;
  attend(q: Tensor, options: DecodeOptions<Tensor> & { lse: true }): AttendResult<Tensor>;
  attend(q: Tensor, options?: DecodeOptions<Tensor>): Tensor;
  attend(q: Input, options: DecodeOptions & { monitor: object | true }): MonitoredAttendResult;
  attend(q: Input, options: DecodeOptions & { lse: true }): AttendResult;
  attend(q: Input, options?: DecodeOptions): Float32Array;
  attend(q: Input, options: DecodeOptions<Float32Array | Tensor> = {}): unknown {
    const plan = planDecode(this.#cache.shape, q, options, isTensor);
    const { out, ...others } = this.#complete(options, () => prepareDecode(this.#cache, plan));
    return Object.keys(others).length === 0 ? out : { out, ...others };
  }

  /**
   * Attention of the newest queries over the best `keep` tokens of the layer, and how much attention that dropped.
   *
   * Shapes and rules as in attend. `dropped`, `bound`, `kept` and certificates are per (query, head).
   *
   * @throws {HeedError} as attend
   */
  attendTopK(
    q: Tensor,
    options: CacheTopKOptions<Tensor> & { indices: true; certificates: true },
  ): IndexedCacheTopKResult<Tensor> & CertifiedCacheTopKResult<Tensor>;
  attendTopK(q: Tensor, options: CacheTopKOptions<Tensor> & { indices: true }): IndexedCacheTopKResult<Tensor>;
  attendTopK(q: Tensor, options: CacheTopKOptions<Tensor> & { certificates: true }): CertifiedCacheTopKResult<Tensor>;
  attendTopK(q: Tensor, options: CacheTopKOptions<Tensor>): CacheTopKResult<Tensor>;
  attendTopK(
    q: Input,
    options: CacheTopKOptions & { indices: true; certificates: true },
  ): IndexedCacheTopKResult & CertifiedCacheTopKResult;
  attendTopK(q: Input, options: CacheTopKOptions & { indices: true }): IndexedCacheTopKResult;
  attendTopK(q: Input, options: CacheTopKOptions & { certificates: true }): CertifiedCacheTopKResult;
  attendTopK(q: Input, options: CacheTopKOptions): CacheTopKResult;
  attendTopK(q: Input, options: CacheTopKOptions<Float32Array | Tensor>): unknown {
    const plan = planCacheTopK(this.#cache.shape, q, options, isTensor);
    return this.#complete(options, () => prepareCacheTopK(this.#cache, plan));
  }

  /**
   * What the attention of the newest queries looks like: entropy, effective entries, mass of sinks and self, and how
   * many entries would be enough. Shapes as in attend. Costs about half as much; `attend` with `monitor` does both for
   * little more than attention alone.
   *
   * @throws {HeedError} as attend
   */
  monitor(q: Input, options: MonitorOptions = {}): Monitored {
    const plan = planMonitor(this.#cache.shape, q, options, isTensor);
    return this.#complete(options, () => prepareMonitor(this.#cache, plan));
  }

  /**
   * Forgets tokens of one layer that the newest queries hardly look at, and says how much of their attention that
   * loses. `q` as in attend. Afterwards positions, windows and lengths count the tokens that are left; every head has
   * its own.
   *
   * @throws {HeedError} as attend
   */
  evict(q: Input, options: EvictOptions): Evicted {
    const plan = planEvict(this.#cache.shape, q, options, isTensor);
    return this.#complete(options, () => prepareEvict(this.#cache, plan));
  }

  /**
   * What each token of a layer received of the attention that `recordAttention` recorded, (kvHeads, length):
   * probabilities, summed over queries and over the heads that share a key head. 0 for what was appended since. It
   * follows the tokens through `fork`, `evict`, `save` and `restore`; `rewind` and `clear` forget what goes, not what
   * it gave to others.
   *
   * @throws {HeedError} `invalid-argument`, `disposed`, `out-of-memory`
   */
  recordedAttention(options: LayerOptions = {}): Float64Array {
    return this.#cache.recorded(planLayer("recordedAttention", this.#cache.shape, options));
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

  /**
   * All that the cache holds as bytes, for `restore` of a cache of the same shape and type, in any build of heed.
   *
   * @throws {HeedError} `disposed`, `out-of-memory`
   */
  save(): Uint8Array<ArrayBuffer> {
    return this.#cache.save();
  }

  /**
   * Replaces all that the cache holds by what was saved. The bytes may come from anywhere: they are checked first.
   *
   * @throws {HeedError} `shape-mismatch` for another shape or type, `invalid-argument` for bytes that are no saved
   * cache, or longer than the capacity, `detached`, `disposed`, `out-of-memory`
   */
  restore(saved: Uint8Array): void {
    this.#cache.restore(checkBytes("saved", saved));
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
