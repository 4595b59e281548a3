/// <reference lib="esnext.disposable" preserve="true" />
/** A cache of keys and values that lives in the worker. Its calls queue with all others. */
import type {
  AppendOptions,
  CacheOptions,
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
  planCache,
  planCacheTopK,
  planDecode,
  planEvict,
  planLayer,
  planMonitor,
  type CacheShape,
} from "../check/cache.js";
import { HeedError } from "../errors.js";
import type { Numbers } from "../options.js";
import type { AttendResult } from "../results.js";
import { disposeOnUsing } from "../runtime/dispose.js";
import type { Client } from "../worker/client.js";

/**
 * The keys and values of the tokens so far, layer by layer. `heed.cache()` makes one; the caller disposes it.
 *
 * A call that fails or is cancelled leaves the cache as it was.
 */
export class KvCache {
  readonly #client: Client;
  readonly #id: number;
  readonly #shape: CacheShape;
  #disposed = false;

  /** @internal */
  constructor(client: Client, id: number, shape: CacheShape) {
    this.#client = client;
    this.#id = id;
    this.#shape = shape;
  }

  #assertUsable(): void {
    this.#client.assertAlive();
    if (this.#disposed) throw new HeedError("disposed", "this cache was disposed; create a new one");
  }

  /** Tokens that a layer holds. @throws {HeedError} `invalid-argument`, `disposed`, `worker-died` */
  async length(options: LayerOptions = {}): Promise<number> {
    this.#assertUsable();
    const layer = planLayer("length", this.#shape, options);
    return this.#client.call("cacheLength", { cache: this.#id, layer }, options);
  }

  /** Bytes of all pages, those that forks share too. @throws {HeedError} `disposed`, `worker-died` */
  async bytes(): Promise<number> {
    this.#assertUsable();
    return this.#client.call("cacheBytes", { cache: this.#id });
  }

  /**
   * Stores tokens of one layer behind those it holds: `k` (tokens, kvHeads, headDim), `v` (tokens, kvHeads, valueDim).
   * The promise has the layer's new length.
   *
   * @throws {HeedError} `invalid-argument`, also beyond the capacity, `shape-mismatch`, `non-finite`, `detached`,
   * `disposed`, `out-of-memory`, `worker-died`; rejects with the signal's reason when cancelled
   */
  async append(k: Numbers, v: Numbers, options: AppendOptions = {}): Promise<number> {
    this.#assertUsable();
    const plan = planAppend(this.#shape, k, v, options);
    return this.#client.call("cacheAppend", { ...plan, cache: this.#id }, options);
  }

  /**
   * Exact attention of the newest queries over all that the layer holds: `q` (queries, heads, headDim) → (queries,
   * heads, valueDim).
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `non-finite`, `detached`, `disposed`, `out-of-memory`,
   * `worker-died`; rejects with the signal's reason when cancelled
   */
  attend(q: Numbers, options: DecodeOptions & { monitor: object | true }): Promise<MonitoredAttendResult>;
  attend(q: Numbers, options: DecodeOptions & { lse: true }): Promise<AttendResult>;
  attend(q: Numbers, options?: DecodeOptions): Promise<Float32Array>;
  async attend(q: Numbers, options: DecodeOptions = {}): Promise<unknown> {
    this.#assertUsable();
    const plan = planDecode(this.#shape, q, options);
    const posted = { ...plan, out: { kind: "fresh" } as const, cache: this.#id };
    const reply = await this.#client.call("cacheAttend", posted, options);
    const { out: replied, ...others } = reply;
    const out = await this.#client.deliver(replied, plan.out);
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
    q: Numbers,
    options: CacheTopKOptions & { indices: true; certificates: true },
  ): Promise<IndexedCacheTopKResult & CertifiedCacheTopKResult>;
  attendTopK(q: Numbers, options: CacheTopKOptions & { indices: true }): Promise<IndexedCacheTopKResult>;
  attendTopK(q: Numbers, options: CacheTopKOptions & { certificates: true }): Promise<CertifiedCacheTopKResult>;
  attendTopK(q: Numbers, options: CacheTopKOptions): Promise<CacheTopKResult>;
  async attendTopK(q: Numbers, options: CacheTopKOptions): Promise<unknown> {
    this.#assertUsable();
    const plan = planCacheTopK(this.#shape, q, options);
    const posted = { ...plan, out: { kind: "fresh" } as const, cache: this.#id };
    const reply = await this.#client.call("cacheTopK", posted, options);
    return { ...reply, out: await this.#client.deliver(reply.out, plan.out) };
  }

  /**
   * What the attention of the newest queries looks like: entropy, effective entries, mass of sinks and self, and how
   * many entries would be enough. Shapes as in attend. Costs about half as much; `attend` with `monitor` does both for
   * little more than attention alone.
   *
   * @throws {HeedError} as attend
   */
  async monitor(q: Numbers, options: MonitorOptions = {}): Promise<Monitored> {
    this.#assertUsable();
    const plan = planMonitor(this.#shape, q, options);
    return this.#client.call("cacheMonitor", { ...plan, cache: this.#id }, options);
  }

  /**
   * Forgets tokens of one layer that the newest queries hardly look at, and says how much of their attention that
   * loses. `q` as in attend. Afterwards positions, windows and lengths count the tokens that are left; every head has
   * its own.
   *
   * @throws {HeedError} as attend
   */
  async evict(q: Numbers, options: EvictOptions): Promise<Evicted> {
    this.#assertUsable();
    const plan = planEvict(this.#shape, q, options);
    return this.#client.call("cacheEvict", { ...plan, cache: this.#id }, options);
  }

  /**
   * What each token of a layer received of the attention that `recordAttention` recorded, (kvHeads, length):
   * probabilities, summed over queries and over the heads that share a key head. 0 for what was appended since. It
   * follows the tokens through `fork`, `evict`, `save` and `restore`; `rewind` and `clear` forget what goes, not what
   * it gave to others.
   *
   * @throws {HeedError} `invalid-argument`, `disposed`, `out-of-memory`, `worker-died`
   */
  async recordedAttention(options: LayerOptions = {}): Promise<Float64Array> {
    this.#assertUsable();
    const layer = planLayer("recordedAttention", this.#shape, options);
    return this.#client.call("cacheRecorded", { cache: this.#id, layer }, options);
  }

  /**
   * Forgets what came after the first `length` tokens, in every layer that has more.
   *
   * @throws {HeedError} `invalid-argument` when no layer has as many, `disposed`, `worker-died`
   */
  async rewind(length: number): Promise<void> {
    this.#assertUsable();
    await this.#client.call("cacheRewind", { cache: this.#id, length: checkTokens("length", length) });
  }

  /** Forgets everything. @throws {HeedError} `disposed`, `worker-died` */
  async clear(): Promise<void> {
    this.#assertUsable();
    await this.#client.call("cacheClear", { cache: this.#id });
  }

  /**
   * A second cache with the same tokens. The two share memory until one of them writes to a page.
   *
   * @throws {HeedError} `disposed`, `out-of-memory`, `worker-died`
   */
  async fork(): Promise<KvCache> {
    this.#assertUsable();
    const id = await this.#client.call("cacheFork", { cache: this.#id });
    return new KvCache(this.#client, id, this.#shape);
  }

  /**
   * All that the cache holds as bytes, for `restore` of a cache of the same shape and type, in any build of heed.
   *
   * @throws {HeedError} `disposed`, `out-of-memory`, `worker-died`
   */
  async save(): Promise<Uint8Array<ArrayBuffer>> {
    this.#assertUsable();
    return this.#client.call("cacheSave", { cache: this.#id });
  }

  /**
   * Replaces all that the cache holds by what was saved. The bytes may come from anywhere: they are checked first.
   *
   * @throws {HeedError} `shape-mismatch` for another shape or type, `invalid-argument` for bytes that are no saved
   * cache, or longer than the capacity, `detached`, `disposed`, `out-of-memory`, `worker-died`
   */
  async restore(saved: Uint8Array): Promise<void> {
    this.#assertUsable();
    await this.#client.call("cacheRestore", { cache: this.#id, saved: checkBytes("saved", saved) });
  }

  /** Gives the memory back, after the calls that wait. A second call does nothing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    try {
      await this.#client.call("cacheDispose", { cache: this.#id });
    } catch (error) {
      // With the instance the cache has gone too.
      if (!(error instanceof HeedError && (error.code === "disposed" || error.code === "worker-died"))) throw error;
    }
  }

  declare [Symbol.dispose]: () => void;
}

disposeOnUsing(KvCache);

/** @internal */
export async function createCache(client: Client, options: CacheOptions): Promise<KvCache> {
  const shape = planCache(options);
  return new KvCache(client, await client.call("cacheCreate", shape), shape);
}
