/// <reference lib="esnext.disposable" preserve="true" />
/** A cache of keys and values that lives in the worker. Its calls queue with all others. */
import type { AppendOptions, DecodeOptions, LayerOptions } from "../cache-options.js";
import { checkTokens, planAppend, planDecode, planLayer, type CacheShape } from "../check/cache.js";
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
  attend(q: Numbers, options: DecodeOptions & { lse: true }): Promise<AttendResult>;
  attend(q: Numbers, options?: DecodeOptions): Promise<Float32Array>;
  async attend(q: Numbers, options: DecodeOptions = {}): Promise<unknown> {
    this.#assertUsable();
    const plan = planDecode(this.#shape, q, options);
    const posted = { ...plan, out: { kind: "fresh" } as const, cache: this.#id };
    const reply = await this.#client.call("cacheAttend", posted, options);
    const out = await this.#client.deliver(reply.out, plan.out);
    return reply.lse === undefined ? out : { out, lse: reply.lse };
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
