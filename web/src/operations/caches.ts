/** The caches of a worker, by the numbers that the page knows them by. */
import type { CacheShape } from "../check/cache.js";
import { HeedError } from "../errors.js";
import type { Runtime } from "../runtime/runtime.js";
import { StoredCache } from "./cache.js";

export class Caches {
  readonly #caches = new Map<number, StoredCache>();
  #created = 0;

  /** @throws {HeedError} `disposed` */
  get(id: number): StoredCache {
    const cache = this.#caches.get(id);
    if (cache === undefined) throw new HeedError("disposed", "this cache was disposed; create a new one");
    return cache;
  }

  create(runtime: Runtime, shape: CacheShape): number {
    return this.#add(new StoredCache(runtime, shape));
  }

  fork(id: number): number {
    return this.#add(this.get(id).fork());
  }

  dispose(id: number): void {
    this.get(id).dispose();
    this.#caches.delete(id);
  }

  #add(cache: StoredCache): number {
    this.#caches.set(++this.#created, cache);
    return this.#created;
  }
}
