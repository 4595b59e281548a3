/** A trap inside the module: its memory is undefined from then on, so nothing may run on it again. */
import { readFileSync } from "node:fs";

import { expect, test } from "vitest";

import { prepareAttend } from "../../../web/src/operations/attend.js";
import { complete } from "../../../web/src/operations/operation.js";
import { planAttend } from "../../../web/src/check/attend.js";
import type { RawFactory } from "../../../web/src/runtime/raw-module.js";
import type { RawCore, RawProblem } from "../../../web/src/runtime/raw.js";
import { Runtime } from "../../../web/src/runtime/runtime.js";

/** (func (export "trap") unreachable) */
const trapping = [0, 97, 115, 109, 1, 0, 0, 0, 1, 4, 1, 96, 0, 0, 3, 2, 1, 0, 7, 8, 1, 4, 116, 114, 97, 112, 0, 0];
const body = [10, 5, 1, 3, 0, 0, 11];

async function start(): Promise<{ raw: RawCore; memory: WebAssembly.Memory }> {
  const address = new URL("../../../dist/glue/heed.node.mjs", import.meta.url);
  const { default: factory } = (await import(/* @vite-ignore */ address.href)) as { default: RawFactory<RawCore> };
  const memory = new WebAssembly.Memory({ initial: 256, maximum: 512 });
  const wasmBinary = readFileSync(new URL("../../../dist/glue/heed-simd.wasm", import.meta.url));
  const raw = await factory({ wasmBinary, wasmMemory: memory });
  raw.startThreads(1);
  return { raw, memory };
}

/** The module, with jobs that trap as a broken invariant does. */
async function withTrap(raw: RawCore): Promise<RawCore> {
  const { instance } = await WebAssembly.instantiate(new Uint8Array([...trapping, ...body]));
  const trap = instance.exports["trap"] as () => void;
  class TrappingJob {
    constructor(problem: RawProblem) {
      return Object.assign(new raw.ExactJob(problem), { run: trap });
    }
  }
  return Object.assign(Object.create(raw) as RawCore, { ExactJob: TrappingJob });
}

function expectError(code: string, text: RegExp, work: () => unknown): void {
  expect(work).toThrow(
    expect.objectContaining({ name: "HeedError", code, message: expect.stringMatching(text) as string }),
  );
}

test("it becomes the error internal, and every later call says that the instance stopped", async () => {
  const { raw, memory } = await start();
  const info = { version: "", variant: "simd", threads: 1, reason: null } as never;
  const runtime = new Runtime(await withTrap(raw), memory, info);
  const numbers = new Float32Array(8);
  const attend = () =>
    complete(prepareAttend(runtime, planAttend(numbers, numbers, numbers, { heads: 1, headDim: 4 })));
  expectError("internal", /^the module stopped: .*unreachable.*; create a new instance/, attend);
  expectError("internal", /^this instance stopped earlier \(.*unreachable/, attend);
  expect(runtime.alive).toBe(false);
  expect(() => runtime.memory()).toThrow(/stopped earlier \(.*unreachable/);
  runtime.dispose();
  runtime.dispose();
});
