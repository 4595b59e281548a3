import { create } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectedSync } from "../support/expected-variants.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

/** A half float's value from its bits: (-1)^s 2^(e - 15) (1 + f / 1024), and the special exponents. */
function widened(bits: number): number {
  const [sign, exponent, fraction] = [bits >> 15 ? -1 : 1, (bits >> 10) & 31, bits & 1023];
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * 2 ** (exponent - 15) * (1 + fraction / 1024);
}

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("half floats, $variant", ({ heed }) => {
  test("every one of the 65536 is widened exactly", () => {
    // With one key the result is the value itself.
    const bits = Uint16Array.from({ length: 65536 }, (_, i) => i);
    const [q, k] = [new Float32Array(1), new Float32Array(1)];
    const out = heed.attend(q, k, bits, { heads: 1, headDim: 1, valueDim: 65536, dtype: "f16" });
    const wrong = bits.filter((_, i) => !Object.is(out[i]! + 0, Math.fround(widened(i)) + 0));
    expect([...wrong]).toEqual([]);
  });

  test("bits, Float16Array and the widened numbers give the same result", () => {
    const bits = Uint16Array.from(
      { length: 160 },
      (_, i) => 0x3000 + ((i * 2654435761) % 0x0c00) + (i % 3 === 0 ? 0x8000 : 0),
    );
    const wide = Float32Array.from(bits, widened);
    const options = { heads: 2, headDim: 8, causal: true };
    const expected = heed.attend(wide, wide, wide, options);
    expect(heed.attend(bits, bits, bits, { ...options, dtype: "f16" })).toEqual(expected);
    expect(heed.attend(bits, wide, wide, { ...options, dtype: "f16" })).toEqual(expected);
    if (typeof Float16Array === "undefined") return;
    const halves = new Float16Array(bits.buffer);
    expect(heed.attend(halves, wide, halves, options)).toEqual(expected);
  });
});
