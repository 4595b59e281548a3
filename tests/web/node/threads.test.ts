/** Any number of threads gives the same bits, and a wrong file or a missing thread is an error with nothing left behind. */
import { readFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

import { create } from "heed/sync";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { expectRejection } from "../support/expect-error.js";
import { inputsFor } from "../support/reference.js";
import { wideSync } from "../support/expected-variants.js";
import { ruleCases } from "../support/rule-cases.js";
import { cases, nameOf, optionsOf, scoreOptionsOf } from "../support/shapes.js";

const wasmOf = (variant: string) => new URL(`../../../dist/glue/heed-${variant}.wasm`, import.meta.url);

describe.each(["threads", "relaxed-threads"] as const)("%s", (variant) => {
  const single = variant === "threads" ? "simd" : "relaxed";

  test("one thread, two, three, five, the build without threads and the wide one agree bit for bit", async () => {
    const instances = await Promise.all([
      create({ variant: single, studies: true }),
      ...[1, 2, 3, 5].map((threads) => create({ variant, threads, studies: true })),
    ]);
    expect(instances.map(({ info }) => info.threads)).toEqual([1, 1, 2, 3, 5]);
    if (wideSync && variant === "relaxed-threads") {
      instances.push(await create({ variant: "relaxed-threads-64", threads: 2, studies: true }));
    }
    for (const shape of cases) {
      const { q, k, v } = inputsFor(shape, 71);
      const results = instances.map((heed) => ({
        exact: heed.attend(q, k, v, { ...optionsOf(shape), lse: true }),
        sparse: heed.attendTopK(q, k, v, { ...optionsOf(shape), keep: { k: 5 }, indices: true }),
        weights: heed.weights(q, k, scoreOptionsOf(shape)),
      }));
      for (const result of results.slice(1)) expect(result, nameOf(shape)).toEqual(results[0]);
    }
    for (const { name, inputs } of ruleCases) {
      for (const accumulate of ["f32", "compensated", "f64"] as const) {
        const rules = { ...optionsOf(inputs.shape), ...inputs.rules, accumulate };
        const results = instances.map((heed) => heed.attend(inputs.q, inputs.k, inputs.v, rules));
        for (const result of results.slice(1)) expect(result, `${name}, ${accumulate}`).toEqual(results[0]);
      }
    }
    const simulated = instances.map((heed) => [...heed.simulate("E1", { n: [300], d: 16, epsilon: [0.01, 0.001] })]);
    for (const rows of simulated.slice(1)) expect(rows).toEqual(simulated[0]);
    instances.forEach((heed) => heed.dispose());
  });

  test("a hundred starts and ends leave no thread", async () => {
    const q = new Float32Array(64);
    for (let i = 0; i < 100; ++i) {
      const heed = await create({ variant, threads: 3 });
      heed.attend(q, q, q, { heads: 1, headDim: 8 });
      heed.dispose();
    }
    const workers = process.getActiveResourcesInfo().filter((resource) => resource === "MessagePort");
    expect(workers.length).toBeLessThan(20);
  });
});

describe("the option wasm", () => {
  const answers = new Map<string, { status: number; type: string; body: Buffer | string }>();
  const server = createServer((request, response) => {
    const { status, type, body } = answers.get(request.url ?? "")!;
    response.writeHead(status, { "content-type": type }).end(body);
  });
  let origin = "";

  beforeAll(async () => {
    answers.set("/page", { status: 200, type: "text/html", body: "<!doctype html><p>the app</p>" });
    answers.set("/gone", { status: 404, type: "text/plain", body: "no" });
    answers.set("/cut", {
      status: 200,
      type: "application/wasm",
      body: (await readFile(wasmOf("simd"))).subarray(0, 5000),
    });
    answers.set("/simd", { status: 200, type: "application/wasm", body: await readFile(wasmOf("simd")) });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server.close());

  test("takes a URL, a string, a Response, bytes, a buffer and a module", async () => {
    const bytes = new Uint8Array(await readFile(wasmOf("simd")));
    const sources = [
      wasmOf("simd"),
      `${origin}/simd`,
      await fetch(`${origin}/simd`),
      bytes,
      bytes.buffer,
      await WebAssembly.compile(bytes),
    ];
    for (const wasm of sources) {
      const heed = await create({ variant: "simd", wasm });
      expect(heed.theory.windowLaw({ n: 100, alpha: 1, exponent: 0.5 })).toBe(10);
      heed.dispose();
    }
    expect(bytes.length).toBeGreaterThan(5000);
  });

  test("names the address of what it could not use", async () => {
    const refuse = (path: string, text: RegExp) =>
      expectRejection("load-failed", text, create({ variant: "simd", wasm: `${origin}${path}` }));
    await refuse("/page", /127\.0\.0\.1:\d+\/page is not WebAssembly but HTML/);
    await refuse("/gone", /\/gone was answered with status 404/);
    await refuse("/cut", /\/cut does not compile/);
    await expectRejection("load-failed", /could not be read/, create({ variant: "simd", wasm: "no/such/file.wasm" }));
  });

  test("a file of another build is refused", async () => {
    const wasm = await readFile(wasmOf("relaxed"));
    await expectRejection(
      "load-failed",
      /"relaxed", but the core module of heed .* "simd" is needed/,
      create({ variant: "simd", wasm }),
    );
    const study = await readFile(wasmOf("study-simd"));
    const swapped = create({ variant: "simd", wasm: study });
    await expectRejection("load-failed", /the core module of the variant "simd" did not start/, swapped);
    const threaded = await readFile(wasmOf("threads"));
    await expectRejection("load-failed", /"simd" did not start/, create({ variant: "simd", wasm: threaded }));
  });
});
