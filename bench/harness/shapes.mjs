// Shapes: what a suite measures, read from shapes/<suite>.json, and how many flops they are.

import { readFileSync } from "node:fs";

import { fromBench } from "./places.mjs";

/** The shapes of a suite; with `quick` the small ones that only show that everything works. */
export function shapesOf(suite, { quick, shape: only }) {
  const all = JSON.parse(readFileSync(fromBench("shapes", `${suite}.json`), "utf8"));
  const shapes = quick ? all.quick : all.full;
  if (only === undefined) return shapes;
  const chosen = shapes.filter(({ name }) => name === only);
  return chosen.length > 0 ? chosen : all.full.filter(({ name }) => name === only);
}

/**
 * Flops of exact attention: two products of 2 headDim flops for every (query, key) that see each other. Only these
 * count: what a candidate computes and throws away is its own loss. Exponentials are not counted.
 */
export function attentionFlops({ n, heads, headDim, causal }) {
  const pairs = causal ? (n * (n + 1)) / 2 : n * n;
  return 4 * headDim * heads * pairs;
}
