/** The study module: loaded when `simulate` needs it, like the core, and ended with it. */
import { create as createAsync, type Progress } from "heed";
import { create } from "heed/sync";
import { describe, expect, test } from "vitest";

import { expectError, expectRejection } from "../support/expect-error.js";
import { expectedAsync, expectedSync } from "../support/expected-variants.js";

const parameters = { n: [64], epsilon: [0.01] };

/** What a simulation yields, and the phases that it reports, in order. */
async function simulated(heed: Awaited<ReturnType<typeof createAsync>>) {
  const phases: string[] = [];
  const onProgress = ({ phase }: Progress) => {
    if (phases.at(-1) !== phase) phases.push(phase);
  };
  const rows = [];
  for await (const row of heed.simulate("E1", parameters, { onProgress })) rows.push(row);
  return { rows, phases };
}

describe("heed/sync", () => {
  test("simulates where it was told to load what that takes, in every build, and nowhere else", async () => {
    for (const variant of expectedSync) {
      const [with_, without] = [await create({ variant, studies: true }), await create({ variant })];
      expect([...with_.simulate("E1", parameters)]).toHaveLength(1);
      expect(with_.memory().totalBytes).toBeGreaterThan(without.memory().totalBytes);
      expectError("invalid-argument", /study module was not loaded, because create\(\{ studies: true \}\)/, () =>
        without.simulate("E1", parameters),
      );
      with_.dispose();
      without.dispose();
      expectError("disposed", /create a new one/, () => with_.simulate("E1", parameters));
    }
  });

  test("reports both loadings", async () => {
    const phases: string[] = [];
    const { signal } = new AbortController();
    const onProgress = ({ phase }: Progress) => {
      if (phases.at(-1) !== phase) phases.push(phase);
    };
    // With a signal nothing is taken from the cache of compiled modules.
    const heed = await create({ variant: "simd", studies: true, signal, onProgress });
    const loading = ["download", "compile", "start"];
    expect(phases).toEqual([...loading, ...loading]);
    heed.dispose();
  });
});

describe("heed", () => {
  test("loads it with the first simulation, in every build, and once", async () => {
    for (const variant of expectedAsync) {
      const heed = await createAsync({ variant });
      const { totalBytes } = await heed.memory();
      const first = await simulated(heed);
      expect(first.phases).toEqual(["download", "compile", "start", "run"]);
      expect((await heed.memory()).totalBytes).toBeGreaterThan(totalBytes);
      const second = await simulated(heed);
      expect(second).toEqual({ rows: first.rows, phases: ["run"] });
      await heed.dispose();
    }
  });

  test("or with create, when told to", async () => {
    const heed = await createAsync({ variant: "simd", studies: true });
    expect((await simulated(heed)).phases).toEqual(["run"]);
    await heed.dispose();
  });

  test("wrong parameters are refused before anything is loaded", async () => {
    const heed = await createAsync({ variant: "simd" });
    const { totalBytes } = await heed.memory();
    const row = heed.simulate("E1", { ...parameters, rows: -1 }).next();
    await expectRejection("invalid-argument", /rows/, row);
    expect((await heed.memory()).totalBytes).toBe(totalBytes);
    await heed.dispose();
  });

  test("a failure to load ends that simulation, not the instance", async () => {
    const wasm = { study: new TextEncoder().encode("<!doctype html>") };
    const heed = await createAsync({ variant: "simd", wasm });
    await expectRejection("load-failed", /wasm\.study is not WebAssembly but HTML/, simulated(heed));
    expect((await heed.selectTopK(Float32Array.of(1, 2), 1)).values[0]).toBe(2);
    await heed.dispose();
    const loading = createAsync({ variant: "simd", wasm, studies: true });
    await expectRejection("load-failed", /wasm\.study is not WebAssembly but HTML/, loading);
    await expectRejection("load-failed", /wasm\.study/, create({ variant: "simd", wasm, studies: true }));
  });

  test("is cancelled while it loads, and loads the next time", async () => {
    const heed = await createAsync({ variant: expectedAsync[0]! });
    const controller = new AbortController();
    const reason = new Error("changed my mind");
    const onProgress = ({ phase }: Progress) => {
      if (phase === "compile") controller.abort(reason);
    };
    const rows = heed.simulate("E1", parameters, { signal: controller.signal, onProgress });
    await expect(rows.next()).rejects.toBe(reason);
    expect((await simulated(heed)).rows).toHaveLength(1);
    await heed.dispose();
  });

  test("a dispose while it loads tells the one who waits", async () => {
    const heed = await createAsync({ variant: "simd" });
    const row = expectRejection("disposed", /instance was disposed/, heed.simulate("E1", parameters).next());
    await heed.dispose();
    await row;
  });
});

test("sources that are none are refused, by module", async () => {
  for (const make of [create, createAsync]) {
    const refused = (wasm: unknown, text: RegExp) =>
      expectRejection("invalid-argument", text, make({ wasm: wasm as string }));
    await refused(7, /wasm is 7; .* or an object of such sources by module \(core, study, model\)/);
    await refused({ study: 7 }, /wasm\.study is 7; a URL/);
    await refused({ studies: "a.wasm" }, /wasm has no option "studies"/);
    await expectRejection("invalid-argument", /studies is 1/, make({ studies: 1 as never }));
  }
});
