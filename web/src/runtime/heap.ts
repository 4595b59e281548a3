/**
 * The only way to the module's memory, besides Tensor.view().
 *
 * Invariant: a view is taken at use and never kept. Memory that grows replaces its buffer, and another thread can grow
 * it: an old view of an unshared memory is empty, one of a shared memory silently ends too early.
 * Addresses are numbers: they may pass 2^32, so nothing here may treat them as 32 bits.
 */
import { HeedError, reasonOf } from "../errors.js";

type Elements = Float32Array | Float64Array | Uint32Array | Uint16Array | Uint8Array;

/** A fresh, unshared copy; the engine may have no room for it. */
function copyOf<A extends Elements>(what: string, fresh: () => A, view: A): A {
  let copy: A;
  try {
    copy = fresh();
  } catch (error) {
    throw new HeedError("out-of-memory", `the engine has no room for the result ${what}: ${reasonOf(error)}`);
  }
  copy.set(view);
  return copy;
}

export class Heap {
  constructor(readonly memory: WebAssembly.Memory) {}

  /** Whether an array is a view into this memory. */
  contains(array: ArrayBufferView): boolean {
    return array.buffer === this.memory.buffer;
  }

  f32(address: number, count: number): Float32Array {
    return new Float32Array(this.memory.buffer, address, count);
  }

  write(address: number, numbers: Elements): void {
    const Kind = numbers.constructor as new (buffer: ArrayBufferLike, address: number, count: number) => Elements;
    new Kind(this.memory.buffer, address, numbers.length).set(numbers);
  }

  copyF32(address: number, count: number, what: string): Float32Array {
    return copyOf(what, () => new Float32Array(count), this.f32(address, count));
  }

  copyF64(address: number, count: number, what: string): Float64Array {
    return copyOf(what, () => new Float64Array(count), new Float64Array(this.memory.buffer, address, count));
  }

  copyU32(address: number, count: number, what: string): Uint32Array {
    return copyOf(what, () => new Uint32Array(count), new Uint32Array(this.memory.buffer, address, count));
  }

  copyU8(address: number, count: number, what: string): Uint8Array<ArrayBuffer> {
    return copyOf(what, () => new Uint8Array(count), new Uint8Array(this.memory.buffer, address, count));
  }

  /** Copies into the caller's own array. */
  copyInto(target: Float32Array, address: number): void {
    target.set(this.f32(address, target.length));
  }

  get bytes(): number {
    return this.memory.buffer.byteLength;
  }
}
