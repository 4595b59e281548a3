/** The parts of the lab that need no page: reading files, writing tables, fitting labels and pictures. */
import { readdirSync, readFileSync } from "node:fs";
import { byteSource, openSafetensors } from "heed/safetensors";
import { describe, expect, test } from "vitest";
import { contents } from "../../web/lab/contents.js";
import { toDelimited } from "../../web/lab/framework/delimited.js";
import { largestText, pack, unpack } from "../../web/lab/framework/packed.js";
import { mean, median, quantile, relativeError } from "../../web/lab/framework/statistics.js";
import { spread } from "../../web/lab/plots/label-ends.js";
import { ticks } from "../../web/lab/plots/matrix-frame.js";
import { createPooled, poolStrip } from "../../web/lab/plots/max-pool.js";

test("the committed layers are read, and are numbers", async () => {
  for (const layer of [0, 3, 6]) {
    const bytes = readFileSync(new URL(`../../web/lab/assets/qkv/layer-${layer}.safetensors`, import.meta.url));
    const file = await openSafetensors(byteSource(`layer ${layer}`, bytes));
    expect([...file.tensors].map(([name, { dtype, shape }]) => [name, dtype, shape])).toEqual([
      ["q", "F16", [2048, 8, 64]],
      ["k", "F16", [2048, 4, 64]],
      ["v", "F16", [2048, 4, 64]],
    ]);
    expect((await file.numbers("v")).every(Number.isFinite)).toBe(true);
  }
});

test("CSV quotes what needs quotes and keeps all digits", () => {
  const rows = [{ a: 'say "x", then y', b: 0.1 + 0.2 }, { a: "two\nlines" }];
  expect(toDelimited(rows)).toBe('a,b\r\n"say ""x"", then y",0.30000000000000004\r\n"two\nlines",\r\n');
});

test("statistics", () => {
  expect(mean([1, 2, 6])).toBe(3);
  expect(median([5, 1, 9, 3])).toBe(4);
  expect(quantile([0, 10], 0.25)).toBe(2.5);
  expect(relativeError([3, 4], [3, 0])).toBeCloseTo(4 / 3, 12);
  expect(() => relativeError([1], [1, 2])).toThrow(/1 and 2/);
});

describe("pooling", () => {
  const columns = 7;
  const matrix = Float32Array.from({ length: 49 }, (_, i) => Math.abs(Math.sin(i * 12.9898)));
  const pool = (window: { row: number; column: number; rows: number; columns: number }, size: number) => {
    const pooled = createPooled(size, size);
    poolStrip(matrix, columns, window, pooled, 0, size);
    return pooled;
  };

  test("no entry larger than what is shown, and every shown value is an entry", () => {
    const pooled = pool({ row: 0, column: 0, rows: 7, columns: 7 }, 3);
    expect(Math.max(...pooled.values)).toBe(Math.max(...matrix));
    pooled.values.forEach((value, i) => expect(matrix[pooled.places[i]!]).toBe(value));
  });

  test("a window smaller than the picture is enlarged", () => {
    const pooled = pool({ row: 2, column: 3, rows: 2, columns: 2 }, 6);
    expect(pooled.values[0]).toBe(matrix[2 * columns + 3]);
    expect(pooled.values[35]).toBe(matrix[3 * columns + 4]);
    expect(new Set(pooled.values).size).toBe(4);
  });
});

test("labels keep their order, a line apart, inside the frame", () => {
  const placed = spread([100, 101, 99, 300], 10, 300);
  const sorted = [...placed].sort((a, b) => a - b);
  expect(placed.map((y) => sorted.indexOf(y))).toEqual([1, 2, 0, 3]);
  for (let i = 1; i < sorted.length; ++i) expect(sorted[i]! - sorted[i - 1]!).toBeGreaterThanOrEqual(15);
  expect(Math.max(...placed)).toBeLessThanOrEqual(300);
});

test("ticks are round and inside", () => {
  expect(ticks(0, 2048)).toEqual([0, 500, 1000, 1500, 2000]);
  expect(ticks(1000, 12)).toEqual([1000, 1005, 1010]);
});

describe("text in links", () => {
  test("comes back as it went in, in characters that a link may hold", async () => {
    const text = 'const x = "ä → 𝛼";\n'.repeat(500);
    const packed = await pack(text);
    expect(packed).toMatch(/^[\w-]+$/);
    expect(packed.length).toBeLessThan(text.length / 10);
    expect(await unpack(packed)).toBe(text);
  });

  test("is refused when it is damaged, or unfolds to more than a megabyte", async () => {
    const packed = await pack("some text that is long enough");
    for (const damaged of ["%%%", packed.slice(0, -6), `A${packed}`])
      await expect(unpack(damaged)).rejects.toThrow(/damaged/);
    expect((await unpack(await pack("x".repeat(largestText)))).length).toBe(largestText);
    await expect(unpack(await pack("x".repeat(largestText + 1)))).rejects.toThrow(/more than 1048576/);
  });
});

test("every page of the lab is a notebook with that title, and every notebook is a page", () => {
  const folder = new URL("../../web/lab/notebooks/", import.meta.url);
  expect(readdirSync(folder).sort()).toEqual(contents.map(({ name }) => `${name}.html`).sort());
  for (const { name, title } of contents) {
    expect(readFileSync(new URL(`${name}.html`, folder), "utf8")).toContain(`<title>${title}</title>`);
  }
});
