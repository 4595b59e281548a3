/// <reference lib="esnext.disposable" preserve="true" />
/**
 * Numbers that live in the module's memory: calls read them and write them without a copy.
 *
 * A tensor owns its memory until dispose(), or until its instance is disposed; a view is borrowed and fresh.
 */
import { checkFloat32 } from "../check/arrays.js";
import { checkCount } from "../check/numbers.js";
import { HeedError } from "../errors.js";
import { disposeOnUsing } from "./dispose.js";
import type { AnyRuntime } from "./runtime.js";

/** Numbers in the module's memory. `heed.tensor()` and calls with tensors make them; the caller disposes them. */
export class Tensor {
  /** How many f32 numbers it holds. Their order is that of the arrays it stands for. */
  readonly length: number;
  readonly #runtime: AnyRuntime;
  #address: number;

  /** @internal */
  constructor(runtime: AnyRuntime, address: number, length: number) {
    this.#runtime = runtime;
    this.#address = address;
    this.length = length;
  }

  /**
   * The elements, not copied. Take it again after every call: memory that grows replaces its buffer.
   *
   * @throws {HeedError} `disposed`
   */
  view(): Float32Array {
    return this.#runtime.heap.f32(this.address(this.#runtime, "this tensor"), this.length);
  }

  /** @internal Its place in the memory of `runtime`. */
  address(runtime: AnyRuntime, name: string): number {
    if (runtime !== this.#runtime) {
      throw new HeedError("invalid-argument", `${name} is a Tensor of another instance; each has its own memory`);
    }
    this.assertUsable(name);
    return this.#address;
  }

  /** @internal @throws {HeedError} `disposed`, naming the argument */
  assertUsable(name: string): void {
    this.#runtime.assertAlive();
    if (this.#address === 0) throw new HeedError("disposed", `${name} was disposed; create a new Tensor`);
  }

  /** Gives the memory back. A second call does nothing. */
  dispose(): void {
    if (this.#address === 0) return;
    if (this.#runtime.alive) this.#runtime.release(this.#address);
    this.#address = 0;
  }

  declare [Symbol.dispose]: () => void;
}

disposeOnUsing(Tensor);

/** Whether a caller's argument is one. */
export function isTensor(value: unknown): value is Tensor {
  return value instanceof Tensor;
}

/** Zeros of a length, or a copy of an array. @throws {HeedError} `invalid-argument`, `detached`, `out-of-memory` */
export function createTensor(runtime: AnyRuntime, contents: number | Float32Array): Tensor {
  const numbers = typeof contents === "number" ? undefined : checkFloat32("the contents of a tensor", contents);
  const length = numbers?.length ?? checkCount("the length of a tensor", contents, 0);
  if (numbers && runtime.heap.contains(numbers)) {
    const advice = "pass a copy of it (slice), because the memory may grow for the new tensor";
    throw new HeedError("invalid-argument", `the contents of a tensor are a view into the module's memory; ${advice}`);
  }
  const address = runtime.allocate(length * 4, "a tensor");
  if (numbers) runtime.heap.write(address, numbers);
  else runtime.heap.f32(address, length).fill(0);
  return new Tensor(runtime, address, length);
}
