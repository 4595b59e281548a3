// The emulated formats against what the engine rounds itself, and against numbers that can be read off.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { asMarkdown, cases, measure } from "../studies/precision.mjs";
import { formats, roundTo } from "../studies/rounding.mjs";
import { create } from "heed/sync";

test("f32 is Math.fround, but that it stops at its largest number", () => {
  const largest = (2 - 2 ** -23) * 2 ** 127;
  for (let i = -300; i < 300; ++i) {
    for (const x of [Math.PI * 2 ** (i / 2), -(1 + 2 ** -24) * 2 ** (i / 2), 1.5 * 2 ** (i / 2)]) {
      const expected = Math.max(-largest, Math.min(largest, Math.fround(x)));
      assert.equal(roundTo(formats.f32, x), expected);
    }
  }
});

test("f16, bf16 and fp8 round to the nearest, ties to even, subnormal numbers included", () => {
  const { f16, bf16, fp8 } = formats;
  for (const [format, x, expected] of [
    [f16, 1 + 2 ** -11, 1],
    [f16, 1 + 3 * 2 ** -11, 1 + 2 ** -9],
    [f16, 2 ** -24, 2 ** -24],
    [f16, 2 ** -25, 0],
    [f16, 65519, 65504],
    [f16, 65520, 65504],
    [f16, -Infinity, -65504],
    [bf16, 1 + 2 ** -8, 1],
    [bf16, 1 + 3 * 2 ** -8, 1 + 2 ** -6],
    [fp8, 1.0625, 1],
    [fp8, 1.1875, 1.25],
    [fp8, 2 ** -9, 2 ** -9],
    [fp8, 2 ** -10, 0],
    [fp8, 1000, 448],
    [fp8, -1000, -448],
  ]) {
    assert.equal(roundTo(format, x), expected);
  }
  assert.equal(roundTo(f16, 0), 0);
  assert.ok(Number.isNaN(roundTo(fp8, NaN)));
});

test("the study and `theory.rounded` round alike", async () => {
  const heed = await create({ variant: "simd" });
  for (const [name, format] of Object.entries(formats)) {
    for (const x of [0, 1 / 3, -2.7e-5, 300.5, 1e6]) {
      assert.equal(heed.theory.rounded({ x, format: name === "fp8" ? "e4m3" : name }), roundTo(format, x));
    }
  }
  heed.dispose();
});

test("a number of a format stays what it is", () => {
  for (const format of Object.values(formats)) {
    for (let i = 1; i < 200; ++i) {
      const x = roundTo(format, Math.sin(i) * 2 ** (i % 9));
      assert.equal(roundTo(format, x), x);
    }
  }
});

test("the committed table of the precision study is what the study gives", async () => {
  const table = readFileSync(new URL("../studies/results/precision.md", import.meta.url), "utf8");
  const lines = asMarkdown(await measure([cases[0]])).split("\n");
  for (const line of lines) assert.ok(table.includes(line), line);
});
