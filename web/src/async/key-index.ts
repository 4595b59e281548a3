/// <reference lib="esnext.disposable" preserve="true" />
/** The page's handle of keys that were prepared in the worker. */
import type { IndexedSearch } from "../check/search.js";
import type { Shape } from "../check/shape.js";
import { HeedError } from "../errors.js";
import { disposeOnUsing } from "../runtime/dispose.js";
import type { Client } from "../worker/client.js";

/** Prepared keys. `heed.index()` makes them; the caller disposes them. */
export class KeyIndex {
  /** What the index is for. */
  readonly search: IndexedSearch;
  /** Numbers in the keys. */
  readonly length: number;
  /** @internal */
  readonly shape: Shape;
  readonly #client: Client;
  readonly #id: number;
  #disposed = false;

  /** @internal */
  constructor(client: Client, id: number, { search, length, shape }: Pick<KeyIndex, "search" | "length" | "shape">) {
    this.#client = client;
    this.#id = id;
    this.search = search;
    this.length = length;
    this.shape = shape;
  }

  /** @internal Its number in the worker of `client`. */
  id(client: Client): number {
    if (client === this.#client) return this.#id;
    throw new HeedError("invalid-argument", "k is an index of another instance; each has its own worker");
  }

  /** @internal @throws {HeedError} `disposed`, naming the argument */
  assertUsable(name: string): void {
    if (this.#disposed) throw new HeedError("disposed", `${name} was disposed; create a new index`);
  }

  /** Gives the memory back, after the calls that were made before. A second call does nothing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    // An instance that has ended has nothing left to give back.
    if (this.#client.alive) await this.#client.call("disposeIndex", { id: this.#id });
  }

  declare [Symbol.dispose]: () => void;
}

disposeOnUsing(KeyIndex);

/** Whether a caller's argument is one. */
export function isKeyIndex(value: unknown): value is KeyIndex {
  return value instanceof KeyIndex;
}
