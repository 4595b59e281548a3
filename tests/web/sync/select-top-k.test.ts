import { create } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectError } from "../support/expect-error.js";
import { expectedSync } from "../support/expected-variants.js";
import { Random } from "../support/random.js";
import { bestKeys } from "../support/reference.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("selectTopK, $variant", ({ heed }) => {
  test("is the beginning of a full sort, at every length and k around the boundaries", () => {
    const random = new Random(41);
    for (const count of [1, 3, 4, 5, 64, 65, 1000, 5003]) {
      // Few different values, so that ties are everywhere.
      const scores = Float32Array.from({ length: count }, () => Math.round(20 * random.normal()) / 4);
      for (const k of [1, 2, 7, 63, 64, 65, count - 1, count, count + 1].filter((k) => k > 0)) {
        const { indices, values } = heed.selectTopK(scores, k);
        expect(indices).toHaveLength(Math.min(k, count));
        expect([...indices].sort((a, b) => a - b)).toEqual(bestKeys(scores, k));
        values.forEach((value, at) => {
          expect(value).toBe(scores[indices[at]!]);
          const before =
            at === 0 ? { value: Infinity, index: -1 } : { value: values[at - 1]!, index: indices[at - 1]! };
          const inOrder = before.value > value || (before.value === value && before.index < indices[at]!);
          expect(inOrder).toBe(true);
        });
      }
    }
  });

  test("infinities are numbers, NaN comes last, ties by index", () => {
    const { indices } = heed.selectTopK(Float32Array.of(NaN, 1, -Infinity, Infinity, 1, NaN, 0, -0), 8);
    expect([...indices]).toEqual([3, 1, 4, 6, 7, 2, 0, 5]);
  });

  test("nothing to select from gives nothing", () => {
    expect(heed.selectTopK(new Float32Array(0), 3).indices).toHaveLength(0);
  });

  test.each([0, -1, 1.5, NaN, Infinity, "3"])("k = %s is refused", (k) => {
    expectError("invalid-argument", /^k is .*an integer/, () => heed.selectTopK(new Float32Array(4), k as number));
  });
});
