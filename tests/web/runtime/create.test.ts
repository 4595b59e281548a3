import { create as createAsync, variants as asyncVariants, version } from "heed";
import { create, variants } from "heed/sync";
import { expect, test } from "vitest";

import "../support/engine-report.js";
import { expectError } from "../support/expect-error.js";
import { engine, expectedAsync, expectedSync, inNode, wideSync } from "../support/expected-variants.js";

const canShare = typeof SharedArrayBuffer !== "undefined" && (inNode || crossOriginIsolated);

test("memory is shared where it should be; otherwise the threaded builds would go untested", () => {
  expect(canShare).toBe(engine.threads);
  expect(asyncVariants.map(({ name }) => name)).toEqual(variants.map(({ name }) => name));
});

test("heed/sync loads every build that this engine must run, and says so", async () => {
  for (const variant of expectedSync) {
    const heed = await create({ variant });
    expect(heed.info).toMatchObject({ variant, version });
    expect(heed.info.threads).toBeGreaterThanOrEqual(1);
    heed.dispose();
  }
});

test("heed loads every build that this engine must run, and says so", async () => {
  for (const variant of expectedAsync) {
    const heed = await createAsync({ variant });
    expect(heed.info).toMatchObject({ variant, version });
    await heed.dispose();
  }
});

test("builds that this place cannot run are refused by name", async () => {
  for (const { name } of variants) {
    if (expectedSync.includes(name) || (wideSync && name === "relaxed-threads-64")) continue;
    const error: unknown = await create({ variant: name }).then(undefined, (reason: unknown) => reason);
    expectError("unsupported", new RegExp(`the variant "${name}" cannot run: .+`), () => {
      throw error;
    });
  }
});

test("the default is the best build, with a reason when it has fewer threads than the machine", async ({ task }) => {
  const heed = await create();
  expect(heed.info.variant).toBe(heed.info.threads > 1 ? expectedSync[0] : heed.info.variant);
  if (heed.info.threads === 1) expect(heed.info.reason).toMatch(/./);
  else expect(heed.info.reason).toBeNull();
  if (!inNode) expect(heed.info.reason).toMatch(/a window must not block/);
  heed.dispose();

  const background = await createAsync();
  task.meta.started = background.info;
  expect(background.info.variant).toBe(expectedAsync[0]);
  if (engine.threads) expect(background.info.reason).toBeNull();
  else if (crossOriginIsolated) expect(background.info.reason).toMatch(/has no SharedArrayBuffer/);
  else expect(background.info.reason).toMatch(/not cross-origin isolated.*Cross-Origin-Embedder-Policy/);
  await background.dispose();
});

test("one thread by choice needs no threaded build and no excuse", async () => {
  const heed = await create({ threads: 1 });
  expect(heed.info).toMatchObject({ threads: 1, reason: null });
  expect(["relaxed", "simd"]).toContain(heed.info.variant);
  heed.dispose();
});

test("progress: download, compile, start, each up to its total", async () => {
  for (const make of [create, createAsync]) {
    const phases: string[] = [];
    const { signal } = new AbortController();
    const heed = await make({
      variant: "simd",
      // With a signal nothing is taken from the cache of compiled modules.
      signal,
      onProgress: ({ phase, loaded, total }) => {
        if (total > 0) expect(loaded).toBeLessThanOrEqual(total);
        if (phases.at(-1) !== phase) phases.push(phase);
      },
    });
    expect(phases).toEqual(["download", "compile", "start"]);
    await heed.dispose();
  }
});

test("a cancelled create rejects with the signal's reason", async () => {
  const reason = new Error("changed my mind");
  for (const make of [create, createAsync]) {
    await expect(make({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const controller = new AbortController();
    const loading = make({ signal: controller.signal });
    controller.abort(reason);
    await expect(loading).rejects.toBe(reason);
  }
});

test("several instances live side by side", async () => {
  const [one, two] = await Promise.all([create({ variant: "simd" }), create({ variant: "simd" })]);
  const tensor = one.tensor(1000);
  expect(two.memory().liveBytes).toBe(0);
  tensor.dispose();
  one.dispose();
  expect(two.theory.windowLaw({ n: 100, alpha: 1, exponent: 0.5 })).toBe(10);
  two.dispose();
});

test("wasm that is not WebAssembly is told apart by its first bytes", async () => {
  const page = new TextEncoder().encode("<!doctype html><title>app</title>");
  for (const make of [create, createAsync]) {
    for (const wasm of [page, page.buffer, new Response(page)]) {
      const error: unknown = await make({ variant: "simd", wasm: wasm as Response }).then(undefined, (e: unknown) => e);
      expectError("load-failed", /is not WebAssembly but HTML/, () => {
        throw error;
      });
    }
  }
});
