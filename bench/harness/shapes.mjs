// Shapes: what a suite measures, read from shapes/<suite>.json.

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
