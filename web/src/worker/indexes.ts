/** The indexes that a worker holds for its page, by number. */
import type { TopKPlan } from "../check/attend-top-k.js";
import { HeedError } from "../errors.js";
import type { KeyIndex } from "../runtime/key-index.js";
import type { Tensor } from "../runtime/tensor.js";
import type { PostedTopKPlan } from "./protocol.js";

const indexes = new Map<number, KeyIndex>();
let made = 0;

/** Keeps an index; returns its number. */
export function keepIndex(index: KeyIndex): number {
  indexes.set(++made, index);
  return made;
}

/** Gives an index up. */
export function dropIndex(id: number): null {
  indexes.get(id)?.dispose();
  indexes.delete(id);
  return null;
}

/** The plan with the index itself in the place of its number. @throws {HeedError} `disposed` */
export function withIndex({ k, ...plan }: PostedTopKPlan): TopKPlan<Tensor> {
  if (k.kind !== "index") return { ...plan, k };
  const index = indexes.get(k.id);
  if (!index) throw new HeedError("disposed", "k was disposed; create a new index");
  return { ...plan, k: { kind: "tensor", name: "k", length: index.length, tensor: index } };
}
