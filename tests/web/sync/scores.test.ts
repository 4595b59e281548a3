import { create } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectScores } from "../support/compare.js";
import { expectError } from "../support/expect-error.js";
import { expectedSync } from "../support/expected-variants.js";
import { inputsFor } from "../support/reference.js";
import { cases, nameOf, scoreOptionsOf, type Case } from "../support/shapes.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

const some = cases.filter(({ heads, keys }) => heads > 1 || keys % 8 !== 0);

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("scores, $variant", ({ heed }) => {
  test.each(some.map((shape) => ({ shape, name: nameOf(shape) })))("are scale times q k: $name", ({ shape }) => {
    const inputs = inputsFor(shape, 31);
    const scores = heed.scores(inputs.q, inputs.k, scoreOptionsOf(shape));
    const weights = heed.weights(inputs.q, inputs.k, scoreOptionsOf(shape));
    expectScores(inputs, scores, weights);
  });

  test("one head of one entry is that part of all", () => {
    const shape = cases.find(({ batch, heads }) => batch > 1 && heads > 2) as Case;
    const { q, k } = inputsFor(shape, 32);
    const all = heed.scores(q, k, scoreOptionsOf(shape));
    const size = shape.queries * shape.keys;
    for (const [entry, head] of [
      [0, 1],
      [1, 2],
    ] as const) {
      const at = (entry * shape.heads + head) * size;
      expect(heed.scores(q, k, { ...scoreOptionsOf(shape), entry, head })).toEqual(all.slice(at, at + size));
    }
    expect(heed.scores(q, k, { ...scoreOptionsOf(shape), head: 0 })).toHaveLength(shape.batch * size);
    expectError("shape-mismatch", /head is 99; an integer below/, () => {
      heed.scores(q, k, { ...scoreOptionsOf(shape), head: 99 });
    });
  });
});
