/**
 * One instance with more than 4 GiB, addresses above 2^32 in real use: in Node, in Chromium and in Firefox. Not part of
 * `npm test`: it needs 8 GiB. `npm test -- --only=wasm64`.
 */
import { readFile } from "node:fs/promises";
import { freemem } from "node:os";

import { create, type KvCache } from "heed/sync";
import { chromium, firefox, type Browser } from "playwright";
import ts from "typescript";
import { describe, expect, test } from "vitest";

import { isolation, serve } from "../web/node/server.js";
import { decodeFrom, fillerBytes, largeCache, last } from "./large-cache.js";

const gibibyte = 2 ** 30;
const needed = 8 * gibibyte;
const free = freemem();
const short = free < needed;
const reason = short ? `, not run: ${(free / gibibyte).toFixed(1)} GiB of memory are free, 8 are needed` : "";

type Decoded = Awaited<ReturnType<typeof decodeFrom>>;

function expectRight(decoded: Decoded): void {
  expect(decoded.bytes).toBeGreaterThan(2 ** 32);
  // The answer is far from what the tokens below 4 GiB alone would give.
  expect(decoded.ofLast).toBeGreaterThan(0.05);
  // f32 sums over a million tokens, and over a thousand.
  expect(decoded.exact).toBeLessThan(1e-4);
  expect(decoded.windowed).toBeLessThan(1e-5);
  expect(decoded.wrong).toEqual({ exact: 0, int8: 0 });
}

test("8 GiB are reserved, not taken", async () => {
  const heed = await create({ maximumMemory: needed });
  expect(heed.info.variant).toBe("relaxed-threads-64");
  expect(heed.memory().totalBytes).toBeLessThan(2 ** 26);
  heed.dispose();
});

describe.skipIf(short)(`past 4 GiB${reason}`, () => {
  test("a tensor: its last numbers are read and written in Node", async () => {
    const heed = await create({ maximumMemory: needed });
    const [tokens, headDim] = [2 ** 23 + 2 ** 13, 128];
    const tensor = heed.tensor(tokens * headDim);
    // Two tokens at its end, above 4 GiB, the only ones that a window of two leaves.
    tensor.view().fill(3, (tokens - 2) * headDim, (tokens - 1) * headDim);
    tensor.view().fill(5, (tokens - 1) * headDim);
    const [zeros, mean] = [heed.tensor(headDim), heed.tensor(headDim)];
    heed.attend(zeros, tensor, tensor, { heads: 1, headDim, causal: true, window: 2, out: mean });
    expect([...mean.view()]).toEqual(Array(headDim).fill(4));
    // What is allocated now lies behind it.
    const behind = heed.tensor(Float32Array.of(1, 2, 3, 4));
    expect(behind.view().byteOffset).toBeGreaterThan(2 ** 32);
    const one = heed.tensor(Float32Array.of(1));
    const [keys, values] = [heed.tensor(Float32Array.of(0, 0)), heed.tensor(Float32Array.of(3, 5))];
    const out = heed.tensor(1);
    heed.attend(one, keys, values, { heads: 1, headDim: 1, out });
    expect(out.view().byteOffset).toBeGreaterThan(2 ** 32);
    expect([...out.view()]).toEqual([4]);
    expect([...behind.view()]).toEqual([1, 2, 3, 4]);
    heed.dispose();
  });

  test("a cache: what is decoded depends on tokens above 2^32, in Node", async () => {
    const heed = await create({ maximumMemory: needed });
    const cache = (await largeCache(heed)) as KvCache;
    expect(cache.bytes()).toBeGreaterThan(fillerBytes);
    // Over what was left of them where they came in.
    const [k, v] = [new Float32Array(last.k.length), new Float32Array(last.v.length)];
    cache.append(k, v);
    cache.rewind(cache.length() - k.length / 512);
    const above = new Float32Array(heed.tensor(1).view().buffer, 2 ** 32);
    for (const from of [last.k, last.v]) {
      const start = from.subarray(0, 64);
      const at = above.indexOf(start[0]!);
      expect(above.slice(at, at + 64)).toEqual(start);
    }
    expectRight(await decodeFrom(cache));
    heed.dispose();
  });

  const executable = {
    chromium: process.env["HEED_CHROMIUM"] ?? "/usr/bin/chromium",
    firefox: process.env["HEED_FIREFOX"] ?? "/usr/bin/firefox-esr",
  };
  const launch: Record<string, () => Promise<Browser>> = {
    chromium: () =>
      chromium.launch({
        executablePath: executable.chromium,
        args: ["--no-sandbox", "--disable-gpu", "--no-first-run"],
      }),
    firefox: () => firefox.launch({ channel: "moz-firefox", executablePath: executable.firefox }),
  };

  test.each(Object.keys(launch))("a cache: what is decoded depends on tokens above 4 GiB, in %s", async (name) => {
    const source = await readFile(new URL("large-cache.ts", import.meta.url), "utf8");
    const compilerOptions = { target: ts.ScriptTarget.ESNext, module: ts.ModuleKind.ESNext };
    const body = ts.transpileModule(source, { compilerOptions }).outputText;
    const server = await serve(isolation, { "/large-cache.js": { type: "text/javascript", body } });
    const browser = await launch[name]!();
    try {
      const page = await browser.newPage();
      await page.goto(server.origin);
      // A text, because Vitest would make its own of every import().
      const decoded = (await page.evaluate(`(async () => {
        const { create } = await import("/dist/web.js");
        const { decodeFrom, largeCache } = await import("/large-cache.js");
        const heed = await create({ maximumMemory: ${needed} });
        const result = await decodeFrom(await largeCache(heed));
        await heed.dispose();
        return { ...result, variant: heed.info.variant };
      })()`)) as Decoded & { variant: string };
      expect(decoded.variant).toBe("relaxed-threads-64");
      expectRight(decoded);
    } finally {
      await browser.close();
      await server.close();
    }
  });
});
