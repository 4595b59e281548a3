import { create, HeedError } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { badCalls, goodCall, type AnyHeed } from "../support/bad-calls.js";
import { expectError } from "../support/expect-error.js";
import { needs, sharedMemory } from "../support/engine-report.js";
import { expectedSync } from "../support/expected-variants.js";

const heed = await create({ studies: true });
afterAll(() => heed.dispose());

describe("every refusal has its code, names the argument, and leaves the instance as it was", () => {
  const expected = goodCall(heed as AnyHeed);
  test.each(badCalls)("$name", ({ code, text, call }) => {
    expectError(code, text, () => call(heed as AnyHeed));
    expect(goodCall(heed as AnyHeed)).toEqual(expected);
    expect(heed.memory().liveBytes).toBe(0);
  });

  test.each([
    ["an unknown id", /id of simulate is the string "E99"/, "E99", {}],
    ["no lengths", /^n is an object \(Array\); an array with/, "E1", { n: [], epsilon: [0.1] }],
    ["a length of one", /^n\[1\] is 1/, "E1", { n: [4, 1], epsilon: [0.1] }],
    ["epsilon of zero", /^epsilon\[0\] is 0/, "E1", { n: [4], epsilon: [0] }],
    ["unknown weights", /^weights is/, "E1", { n: [4], epsilon: [0.1], weights: "equal" }],
    [
      "a rank without lowRank",
      /^rank is given, but weights is "identity"/,
      "E1",
      { n: [4], epsilon: [0.1], weights: "identity", rank: 2 },
    ],
    [
      "a rank above d",
      /^rank is 9; an integer from 1 to 8/,
      "E1",
      { n: [4], d: 8, epsilon: [0.1], weights: "lowRank", rank: 9 },
    ],
    ["an unknown parameter", /no option "lengths"/, "E1", { lengths: [4], epsilon: [0.1] }],
  ] as const)("simulate with %s", (_, text, id, parameters) => {
    expectError("invalid-argument", text, () => heed.simulate(id as "E1", parameters as never));
  });
});

describe("create", () => {
  test.each([
    ["an unknown option", /create has no option "thread"; its options are variant/, { thread: 2 }],
    ["an unknown variant", /^variant is the string "fast"; one of "relaxed-threads"/, { variant: "fast" }],
    ["no threads", /^threads is 0; an integer from 1/, { threads: 0 }],
    ["half a thread", /^threads is 1.5/, { threads: 1.5 }],
    ["threads for a variant with one", /threads is 2, but the variant "simd" has one/, { variant: "simd", threads: 2 }],
    ["too little memory", /^maximumMemory is 65536; an integer from 16777216/, { maximumMemory: 65536 }],
    ["more memory than engines give", /^maximumMemory .* to 17179869184 is needed/, { maximumMemory: 2 ** 35 }],
    [
      "more memory than addresses",
      /^maximumMemory is 8589934592, but the variant "relaxed-threads" addresses 4294967296 bytes at most/,
      { variant: "relaxed-threads", maximumMemory: 2 ** 33 },
    ],
    ["a wasm that is none", /^wasm is 7/, { wasm: 7 }],
    ["a workerUrl that is none", /^workerUrl is/, { workerUrl: 7 }],
    ["a signal that is none", /^signal is/, { signal: {} }],
    ["options that are none", /options of create are the string "simd"/, "simd"],
  ])("refuses %s", async (_, text, options) => {
    const error = await create(options as never).then(undefined, (reason: unknown) => reason);
    expect(error).toBeInstanceOf(HeedError);
    expect((error as HeedError).code).toBe("invalid-argument");
    expect((error as HeedError).message).toMatch(text);
  });
});

test("a cancelled call throws the signal's reason, before it begins", () => {
  const reason = new Error("enough");
  const signal = AbortSignal.abort(reason);
  const q = new Float32Array(8);
  expect(() => heed.attend(q, q, q, { heads: 2, headDim: 4, signal })).toThrow(reason);
  expect(() => [...heed.simulate("E1", { n: [4], epsilon: [0.1] }, { signal })]).toThrow(reason);
});

test("simulate looks at the signal between rows", () => {
  const controller = new AbortController();
  const rows = heed.simulate("E1", { n: [8, 16], epsilon: [0.1, 0.2] }, { signal: controller.signal });
  expect(rows.next().value).toMatchObject({ n: 8, epsilon: 0.1 });
  controller.abort();
  expect(() => rows.next()).toThrow();
});

test("a shared input is copied, and gives the same result", (test) => {
  needs(test, ...sharedMemory);
  const q = Float32Array.from({ length: 24 }, (_, i) => Math.cos(i));
  const shared = new Float32Array(new SharedArrayBuffer(24 * 4));
  shared.set(q);
  const options = { heads: 2, headDim: 4 };
  expect(heed.attend(shared, shared, shared, options)).toEqual(heed.attend(q, q, q, options));
});

test.each(expectedSync)("out of memory is an error, and the instance works afterwards: %s", async (variant) => {
  const small = await create({ variant, maximumMemory: 2 ** 25 });
  const q = new Float32Array(8);
  const options = { heads: 2, headDim: 4 };
  const before = small.attend(q, q, q, options);
  const large = new Float32Array(2 ** 22);
  expectError("out-of-memory", /no room for \d+ bytes .*maximumMemory/, () =>
    small.attend(large, large, large, options),
  );
  expectError("out-of-memory", /maximumMemory/, () => small.tensor(2 ** 32 - 1));
  expect(small.memory().liveBytes).toBe(0);
  expect(small.attend(q, q, q, options)).toEqual(before);
  small.dispose();
});

test("after dispose every call says so; a second dispose does nothing", async () => {
  const gone = await create({ variant: "simd" });
  gone.dispose();
  gone.dispose();
  const q = new Float32Array(8);
  const options = { heads: 2, headDim: 4 };
  for (const call of [
    () => gone.attend(q, q, q, options),
    () => gone.attendTopK(q, q, q, { ...options, keep: { k: 1 } }),
    () => gone.scores(q, q, options),
    () => gone.weights(q, q, options),
    () => gone.selectTopK(q, 1),
    () => gone.simulate("E1", { n: [4], epsilon: [0.1] }),
    () => gone.theory.windowLaw({ n: 4, alpha: 1, exponent: 0.5 }),
    () => gone.tensor(4),
    () => gone.memory(),
  ]) {
    expectError("disposed", /instance was disposed; create a new one/, call);
  }
});
