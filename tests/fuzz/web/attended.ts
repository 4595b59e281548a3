/**
 * The shape that a call of `attend` or `attendTopK` must have had, once it was not refused: from its options and the
 * lengths of its tensors alone, because a spoiled option or tensor may be as legal as what was drawn.
 */
import { expect } from "./refusals.js";

interface Lengths {
  readonly q: number;
  readonly k: number;
  readonly v: number;
}

/** Numbers of the output; the tensors must be whole numbers of queries and of keys. */
export function attendedLength(options: Record<string, number>, { q, k, v }: Lengths): number {
  const { heads, headDim, kvHeads = heads, valueDim = headDim, batch = 1 } = options;
  const queries = q / (batch * heads! * headDim!);
  const keys = k / (batch * kvHeads! * headDim!);
  expect(Number.isInteger(queries), `${q} numbers were taken as ${queries} queries`);
  expect(Number.isInteger(keys), `${k} numbers were taken as ${keys} keys`);
  expect(v === batch * keys * kvHeads! * valueDim!, `${v} numbers were taken as the values of ${keys} keys`);
  return batch * queries * heads! * valueDim!;
}
