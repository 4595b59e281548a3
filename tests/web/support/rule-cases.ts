/** Rules between a product and its weight, on shapes with ragged lengths: one per option, and together. */
import { Random } from "./random.js";
import { inputsFor, type Inputs, type Rules } from "./reference.js";
import type { Case } from "./shapes.js";

const grouped: Case = {
  queries: 70,
  keys: 130,
  heads: 4,
  kvHeads: 2,
  headDim: 12,
  valueDim: 7,
  batch: 2,
  causal: true,
  layout: "token-major",
};
const square: Case = { ...grouped, queries: 101, keys: 101, batch: 1, causal: false, layout: "head-major" };
const tall: Case = { ...grouped, queries: 120, keys: 50, batch: 1 };

function bias({ queries, keys }: Case, planes: number): Float32Array {
  const random = new Random(61);
  // A fifth of the keys is hidden.
  return random.array(planes * queries * keys, 2).map((number) => (random.uniform() < 0.2 ? -Infinity : number));
}

/** Three of five keys; query 3 sees nothing. */
export function chosen({ queries, keys }: Case, planes: number): Uint8Array {
  const random = new Random(62);
  const seen = (i: number) => Math.floor(i / keys) % queries !== 3 && random.uniform() < 0.6;
  return Uint8Array.from({ length: planes * queries * keys }, (_, i) => (seen(i) ? 1 : 0));
}

function one(name: string, shape: Case, rules: Rules, spread = 1): { name: string; inputs: Inputs } {
  return { name, inputs: { ...inputsFor(shape, 63, spread), rules } };
}

export const ruleCases: readonly { name: string; inputs: Inputs }[] = [
  one("a window", grouped, { window: 40 }),
  one("a window of one, with sinks", grouped, { window: 1, sinks: 3 }),
  one("a window without causal, sinks reaching into it", square, { window: 33, sinks: 80 }),
  one("more queries than keys, and a window", tall, { window: 5, sinks: 1 }),
  one("a window longer than the keys", tall, { window: 1000, sinks: 0 }),
  one("a bias", grouped, { mask: bias(grouped, 1) }),
  one("a bias per head", square, { mask: bias(square, square.heads) }),
  one("chosen keys", square, { mask: chosen(square, 1) }),
  one("chosen keys per head", grouped, { mask: chosen(grouped, grouped.heads) }),
  one("softcap, large scores", grouped, { softcap: 5 }, 4),
  one("softcap, small scores", square, { softcap: 30 }, 0.5),
  one("all of them", grouped, { window: 50, sinks: 4, softcap: 4, mask: bias(grouped, 1) }, 2),
];
