/**
 * Files and values spoiled by choice: where the choices come from a seed it is a random test, where they come from the
 * bytes of a fuzzer it is one of its targets.
 */
import { fileWith } from "./safetensors.js";

/** Where choices come from. */
export interface Choices {
  /** An integer from 0 to n - 1. */
  below(n: number): number;
}

export class Mutator {
  constructor(readonly choices: Choices) {}

  below(n: number): number {
    return this.choices.below(n);
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** A value where none of its kind is expected. */
  odd(): unknown {
    return this.pick<unknown>([
      ...[null, true, false, "", "x", "-1", "\ud800", "constructor", "__proto__", "0".repeat(2000)],
      ...[0, -1, 1, 2, 3, 7, 0.5, -0, 1e-320, 1e308, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 61, 60],
      ...[[], {}, [[]], [null], { type: "x" }, { Regex: "(a+)+$" }, { Regex: "(" }, { String: " " }, [1, 2, 3]],
    ]);
  }

  /** One to three places of a JSON value replaced, removed, or doubled. */
  json(value: unknown): unknown {
    const copy: unknown = structuredClone(value);
    const holders: [Record<string, unknown>, string][] = [];
    const visit = (at: unknown): void => {
      if (typeof at !== "object" || at === null) return;
      for (const name of Object.keys(at)) {
        holders.push([at as Record<string, unknown>, name]);
        visit((at as Record<string, unknown>)[name]);
      }
    };
    visit(copy);
    if (holders.length === 0) return this.odd();
    for (let changes = 1 + this.below(3); changes > 0; --changes) {
      const [holder, name] = this.pick(holders);
      const kind = this.below(4);
      if (kind === 0) delete holder[name];
      else if (kind === 1) holder[name] = structuredClone(this.pick(holders)[0]);
      else holder[name] = this.odd();
    }
    return copy;
  }

  /** Bytes flipped, cut off, inserted, or repeated; mostly near the start, where the structure is. */
  bytes(from: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const at = this.below(this.below(3) === 0 ? from.length : Math.min(from.length, 2500));
    const kind = this.below(5);
    if (kind === 0) return from.slice(0, at);
    if (kind === 1) {
      const longer = new Uint8Array(from.length + 1 + this.below(100));
      longer.set(from.subarray(0, at));
      longer.set(from.subarray(at), longer.length - (from.length - at));
      return longer;
    }
    const spoiled = from.slice();
    for (let i = 0; i <= this.below(8); ++i) spoiled[(at + i * this.below(30)) % from.length] = this.below(256);
    if (kind === 2) spoiled.copyWithin(at, this.below(from.length), this.below(from.length));
    return spoiled;
  }

  /** The header of a safetensors file rewritten, with its data as it was. */
  header(from: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const length = Number(new DataView(from.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(from.subarray(8, 8 + length))) as Record<string, unknown>;
    const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
    const [name, entry] = this.pick(entries) as [string, Record<string, unknown>];
    const kind = this.below(7);
    if (kind === 0) delete header[name];
    else if (kind === 1) header[`${name}${this.pick([".scale", "x", ".bias"])}`] = entry;
    else if (kind === 2) header[this.pick(entries)[0]] = entry;
    else if (kind === 3) entry["dtype"] = this.pick(["F16", "BF16", "I8", "F64", "BOOL", this.odd()]);
    else if (kind === 4) entry["shape"] = this.pick([[32], [2 ** 30, 2 ** 30], [0], [], [-1, -1], this.odd()]);
    else if (kind === 5) entry["data_offsets"] = this.pick([[0, 0], [0, 2 ** 53], [8, 4], [NaN, 4], this.odd()]);
    else Object.assign(entry, this.json(entry));
    return fileWith(header, from.subarray(8 + length));
  }
}
