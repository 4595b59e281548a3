/** The parts of the lab that need no page: reading files, writing tables, fitting labels and pictures. */
import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { toDelimited } from "../../web/lab/framework/delimited.js";
import { readHalfTensors, widenHalf } from "../../web/lab/framework/safetensors.js";
import { mean, median, quantile, relativeError } from "../../web/lab/framework/statistics.js";
import { spread } from "../../web/lab/plots/label-ends.js";
import { ticks } from "../../web/lab/plots/matrix-frame.js";
import { createPooled, poolStrip } from "../../web/lab/plots/max-pool.js";

function safetensors(header: object | string, data: number): ArrayBuffer {
  const text = typeof header === "string" ? header : JSON.stringify(header);
  const file = new ArrayBuffer(8 + text.length + data);
  new DataView(file).setBigUint64(0, BigInt(text.length), true);
  new Uint8Array(file, 8).set(new TextEncoder().encode(text));
  return file;
}

describe("safetensors", () => {
  test("reads the committed layers", () => {
    for (const layer of [0, 3, 6]) {
      const bytes = readFileSync(new URL(`../../web/lab/assets/qkv/layer-${layer}.safetensors`, import.meta.url));
      const tensors = readHalfTensors(new Uint8Array(bytes).buffer);
      expect([...tensors].map(([name, { shape }]) => [name, shape])).toEqual([
        ["q", [2048, 8, 64]],
        ["k", [2048, 4, 64]],
        ["v", [2048, 4, 64]],
      ]);
      expect(widenHalf(tensors.get("v")!.bits).every(Number.isFinite)).toBe(true);
    }
  });

  test.each([
    ["too short", new ArrayBuffer(3)],
    ["a header longer than the file", new Uint8Array([255, 255, 0, 0, 0, 0, 0, 0, 0]).buffer],
    ["a header that is no JSON", safetensors("{", 0)],
    ["another type", safetensors({ q: { dtype: "F32", shape: [1], data_offsets: [0, 4] } }, 4)],
    ["an offset past the end", safetensors({ q: { dtype: "F16", shape: [4], data_offsets: [0, 8] } }, 4)],
    ["a shape that is not the size", safetensors({ q: { dtype: "F16", shape: [3], data_offsets: [0, 4] } }, 4)],
    ["a negative size", safetensors({ q: { dtype: "F16", shape: [-2], data_offsets: [4, 0] } }, 4)],
    ["no shape", safetensors({ q: null }, 4)],
  ])("refuses %s", (_what, file) => {
    expect(() => readHalfTensors(file)).toThrow();
  });

  test("widens every kind of half float", () => {
    const bits = new Uint16Array([0x0000, 0x8000, 0x3c00, 0xc000, 0x7bff, 0x0001, 0x0400, 0x7c00, 0xfc00, 0x7e00]);
    const wide = [0, -0, 1, -2, 65504, 2 ** -24, 2 ** -14, Infinity, -Infinity, Number.NaN];
    expect([...widenHalf(bits)]).toEqual(wide);
  });
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
