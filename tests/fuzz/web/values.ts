/** Values for arguments: right ones, ones of the right kind, and ones that nothing expects. */
import { HeedError } from "heed/sync";

import { Random } from "../../web/support/random.js";
import type { Bytes } from "./bytes.js";

function detached(): Float32Array {
  const array = new Float32Array(8);
  structuredClone(array, { transfer: [array.buffer] });
  return array;
}

const throwing = new Proxy(
  {},
  {
    get() {
      throw new HeedError("invalid-argument", "a getter of the caller's own throws this");
    },
  },
);

/** Made anew each time, so that no call sees what another did to one. */
const odd: readonly (() => unknown)[] = [
  ...[undefined, null, true, false, 0, -0, 1, -1, 2, 3, 4, 0.5, 1.5, -0.5, 7, 8, 16, 100].map((value) => () => value),
  ...[NaN, Infinity, -Infinity, 2 ** 24, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 1e-320, 1e300].map((v) => () => v),
  ...["", "0", "4", "exact", "pages", "f16", "linear", "raw", "toString", "__proto__", "\ud800", "x".repeat(5000)].map(
    (value) => () => value,
  ),
  ...[() => 5n, () => Symbol("s"), () => () => 4, () => new Date(0), () => /x/, () => new Map(), () => throwing],
  ...[() => ({}), () => [], () => [1], () => [undefined], () => ({ k: 2 }), () => ({ mass: 0.5 }), () => [{ k: 1 }]],
  ...[() => ({ length: 4 }), () => Object.create(null) as unknown, () => ({ valueOf: () => 4 })],
  ...[() => new Float32Array(0), () => new Float32Array(8), () => new Float64Array(8), () => new Uint16Array(8)],
  ...[() => new Uint8Array(8), () => new Int8Array(8), () => new DataView(new ArrayBuffer(8)), detached],
  ...[() => new Float32Array(new SharedArrayBuffer(32)), () => new Float32Array(8).fill(NaN)],
  ...[() => Float32Array.from({ length: 24 }, (_, i) => (i % 5 === 0 ? Infinity : i)), () => AbortSignal.abort("no")],
  ...[() => new AbortController().signal, () => new WebAssembly.Memory({ initial: 1 }), () => globalThis],
];

export const oddValue = (bytes: Bytes): unknown => bytes.pick(odd)();

/** Numbers for a tensor: now and then too many, too few, halves, or shared. */
export function numbers(bytes: Bytes, length: number): Float32Array | Uint16Array {
  const kind = bytes.below(24);
  const size = Math.max(0, kind === 1 ? length + 1 : kind === 2 ? length - 1 : length);
  if (kind === 3) return Uint16Array.from({ length: size }, (_, i) => 0x3000 + i);
  const array = new Random(1 + bytes.below(256)).array(size);
  if (kind === 4 && size > 0) array[bytes.below(size)] = bytes.pick([NaN, Infinity, 1e30]);
  if (kind !== 5) return array;
  const shared = new Float32Array(new SharedArrayBuffer(4 * size));
  shared.set(array);
  return shared;
}

/** Options with some of them changed, removed, or added. */
export function spoiled(bytes: Bytes, options: Record<string, unknown>, names: readonly string[]): unknown {
  const result: Record<string, unknown> = { ...options };
  for (let changes = bytes.below(4); changes > 0; --changes) {
    const name =
      bytes.below(12) === 0 ? bytes.pick(["headdim", "Keep", "constructor", "__proto__", ""]) : bytes.pick(names);
    if (bytes.below(6) === 0) delete result[name];
    else Object.defineProperty(result, name, { value: oddValue(bytes), enumerable: true, configurable: true });
  }
  return bytes.below(40) === 0 ? oddValue(bytes) : result;
}
