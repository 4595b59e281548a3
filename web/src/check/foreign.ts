/**
 * Tensors of other libraries to arrays and options, before everything else is checked: what comes after knows arrays
 * only, and refuses what is still missing or wrong. The rules of `dims` are in ../foreign.ts.
 */
import { HeedError } from "../errors.js";
import type { ForeignResult, ForeignTensor } from "../foreign.js";
import { shown, shownJson } from "./names.js";

type Options = Readonly<Record<string, unknown>>;

/** Axes by argument, as (batch, heads, n, dim). */
const axesOf = {
  q: ["batch", "heads", "queries", "headDim"],
  k: ["batch", "kvHeads", "keys", "headDim"],
  v: ["batch", "kvHeads", "keys", "valueDim"],
} as const;
/** Of those, options. */
const optionNames = ["batch", "heads", "kvHeads", "headDim", "valueDim"];

function isForeign(value: unknown): value is ForeignTensor {
  return typeof value === "object" && value !== null && "data" in value && "dims" in value;
}

function mismatch(name: string, { dims }: ForeignTensor, needed: string): HeedError {
  return new HeedError("shape-mismatch", `${name} has the dims ${shownJson(dims)}; ${needed} needed`);
}

/** The tensor's numbers. @throws {HeedError} `invalid-argument`, `shape-mismatch` */
function numbersOf(name: string, tensor: ForeignTensor, types: readonly string[]): unknown {
  const { dims, type, location = "cpu" } = tensor;
  // The data of any other cannot even be asked for.
  if (!location.startsWith("cpu")) {
    throw new HeedError("invalid-argument", `${name} is at ${shown(location)}; "cpu" is needed: await its getData()`);
  }
  if (!types.includes(type)) {
    const legal = types.map((word) => `"${word}"`).join(" or ");
    throw new HeedError("invalid-argument", `${name} has the type ${shown(type)}; ${legal} is needed`);
  }
  const { length } = tensor.data as { length: number };
  if (dims.reduce((product, size) => product * size, 1) === length) return tensor.data;
  throw mismatch(name, tensor, `the product ${length}, as many as there are numbers, is`);
}

/** Sizes by name, and who said them. A second voice has to agree. */
class Sizes extends Map<string, number> {
  readonly #by = new Map<string, string>();

  say(name: string, size: unknown, by: string): void {
    // Anything else is refused where options are checked.
    if (typeof size !== "number") return;
    if ((this.get(name) ?? size) !== size) {
      const other = `${this.get(name)} by ${this.#by.get(name)}`;
      throw new HeedError("shape-mismatch", `${name} is ${size} by ${by} and ${other}; they have to agree`);
    }
    this.set(name, size);
    this.#by.set(name, by);
  }
}

/** Reads the axes of one operand. */
function readDims(name: "q" | "k" | "v", tensor: ForeignTensor, options: Options, sizes: Sizes): void {
  const { dims } = tensor;
  const [batch, heads, n, dim] = axesOf[name];
  const headMajor = options["layout"] === "head-major";
  const by = `the dims of ${name}`;
  if (dims.length === 4) {
    const said = options["layout"] ?? options["heads"] ?? options["kvHeads"];
    if (said === undefined) {
      throw mismatch(
        name,
        tensor,
        'layout: "head-major" or "token-major", which says what the second and third are, is',
      );
    }
    const order = headMajor ? [batch, heads, n, dim] : [batch, n, heads, dim];
    for (const [i, axis] of order.entries()) sizes.say(axis, dims[i], by);
    return;
  }
  if (headMajor || dims.length < 2 || dims.length > 4) {
    throw mismatch(name, tensor, headMajor ? "four are" : "(batch, n, heads, dim), (batch, n, width) or (n, width) is");
  }
  const [entries, tokens, width = 0] = dims.length === 3 ? dims : [1, ...dims];
  sizes.say(batch, entries, by);
  sizes.say(n, tokens, by);
  // heads * dim: one of them is known, by an option or by an operand before, and gives the other.
  const known = sizes.get(heads) ?? width / (sizes.get(dim) ?? NaN);
  if (Number.isNaN(known)) return;
  if (!Number.isInteger(width / known)) throw mismatch(name, tensor, `a multiple of ${heads} = ${known} at the end is`);
  sizes.say(heads, known, by);
  sizes.say(dim, width / known, by);
}

/** A call whose arguments are arrays. */
export interface Unwrapped<Given> {
  q: unknown;
  k: unknown;
  v: unknown;
  options: Given;
  /** A result of attention as the caller wants it. */
  dress<Out>(out: Out): Out | ForeignTensor | (Omit<ForeignResult, "data"> & { data: Out });
}

/** Results take the shape of the queries. */
function resultDims({ dims }: ForeignTensor, headMajor: boolean, sizes: Sizes): number[] {
  const of = (name: string) => sizes.get(name) as number;
  const [batch, heads, n, dim] = [of("batch"), of("heads"), of("queries"), sizes.get("valueDim") ?? of("headDim")];
  if (dims.length === 4) return headMajor ? [batch, heads, n, dim] : [batch, n, heads, dim];
  return dims.length === 3 ? [batch, n, heads * dim] : [n, heads * dim];
}

/**
 * The arguments of a call, its tensors of other libraries replaced by their arrays and by the options that they stand
 * for. Without such a tensor everything stays what it is.
 *
 * @throws {HeedError} `invalid-argument`, `shape-mismatch`
 */
export function unwrapForeign<Given extends object>(
  operands: { q?: unknown; k?: unknown; v?: unknown },
  given: Given,
): Unwrapped<Given> {
  const { q, k, v } = operands;
  const options = { ...given } as Options;
  const { mask, out } = options;
  if (![q, k, v, mask, out].some(isForeign)) return { q, k, v, options: given, dress: (result) => result };

  const sizes = new Sizes();
  for (const name of optionNames) sizes.say(name, options[name], "the option");
  const arrays: { q?: unknown; k?: unknown; v?: unknown } = { ...operands };
  const read: Record<string, unknown> = { ...options };
  for (const name of ["q", "k", "v"] as const) {
    const value = operands[name];
    if (!isForeign(value)) continue;
    arrays[name] = numbersOf(name, value, ["float32", "float16"]);
    readDims(name, value, options, sizes);
    // The type says it already.
    if (value.type === "float16") read["dtype"] ??= "f16";
    for (const axis of axesOf[name]) if (optionNames.includes(axis) && sizes.has(axis)) read[axis] = sizes.get(axis);
  }
  if (isForeign(mask)) {
    read["mask"] = numbersOf("mask", mask, ["float32", "bool", "uint8"]);
    const [queries, keys] = mask.dims.slice(-2);
    if (sizes.has("queries")) sizes.say("queries", queries, "the dims of mask");
    if (sizes.has("keys")) sizes.say("keys", keys, "the dims of mask");
  }

  const dims = isForeign(q) && v !== undefined ? resultDims(q, options["layout"] === "head-major", sizes) : undefined;
  if (isForeign(out)) {
    read["out"] = numbersOf("out", out, ["float32"]);
    if (dims?.join() !== out.dims.join()) throw mismatch("out", out, `${shownJson(dims)} are`);
  }
  return {
    ...{ q: arrays.q, k: arrays.k, v: arrays.v, options: read as Given },
    dress: (data) => (isForeign(out) ? out : dims ? { type: "float32", data, dims } : data),
  };
}
