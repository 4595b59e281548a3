/** The bytes of an input as choices, from the front; what is missing is zeros, so every input means something. */
import type { Choices } from "../../web/support/mutator.js";

export class Bytes implements Choices {
  #at = 0;

  constructor(readonly all: Uint8Array<ArrayBuffer>) {}

  get left(): number {
    return this.all.length - this.#at;
  }

  /** An integer from 0 to n - 1, n up to 2^24. */
  below(n: number): number {
    let number = 0;
    for (let reach = 1; reach < n; reach *= 256) number = number * 256 + (this.all[this.#at++] ?? 0);
    return number % n;
  }

  flag(): boolean {
    return this.below(2) === 1;
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** What is left, at most so much. */
  take(most = this.left): Uint8Array<ArrayBuffer> {
    const taken = this.all.slice(this.#at, this.#at + Math.max(0, most));
    this.#at = Math.min(this.all.length, this.#at + most);
    return taken;
  }
}
