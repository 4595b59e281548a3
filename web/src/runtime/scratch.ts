/**
 * The memory of one call: everything it allocates is given back together, also when the call fails half-way.
 *
 * Tried: keeping the blocks for the next call of the same size. The allocator finds a freed block of that size at once
 * and touches no page, so there was nothing to save, and a cancelled call would not have given its memory back.
 */
import type { AnyRuntime } from "./runtime.js";

export class Scratch {
  readonly #runtime: AnyRuntime;
  readonly #addresses: number[] = [];

  constructor(runtime: AnyRuntime) {
    this.#runtime = runtime;
  }

  /** @throws {HeedError} `out-of-memory` */
  allocate(bytes: number, what: string): number {
    const address = this.#runtime.allocate(bytes, what);
    this.#addresses.push(address);
    return address;
  }

  /** Hands one block over to somebody else. */
  keep(address: number): void {
    this.#addresses.splice(this.#addresses.indexOf(address), 1);
  }

  /** Gives one block back early. */
  free(address: number): void {
    this.keep(address);
    this.#runtime.release(address);
  }

  release(): void {
    const addresses = this.#addresses.splice(0);
    if (this.#runtime.alive) for (const address of addresses) this.#runtime.release(address);
  }
}
