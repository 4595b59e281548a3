/**
 * What a program that runs for days meets: objects made and given up, calls aborted, memory that ends, workers that die.
 * Each part throws when something does not hold; how often it is done is the caller's choice (CI does a little of it,
 * `npm run soak` all).
 */
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";

import { create, HeedError, type Heed } from "heed";
import { create as createSync } from "heed/sync";

import { Random } from "../web/support/random.js";
import { residentBytes } from "../web/support/resident.js";

export function check(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message);
}

export function checkSame(actual: unknown, expected: unknown, what: string): void {
  check(isDeepStrictEqual(actual, expected), `${what} is not what it was`);
}

const mebibyte = 2 ** 20;
const shape = { heads: 1, headDim: 32 };
const random = new Random(7);
const [q, k, v] = [random.array(1024 * 32), random.array(1024 * 32), random.array(1024 * 32)];
/** Some milliseconds of work on one thread. */
const some = (n: number) => [q.subarray(0, 32 * n), k, v] as const;

const isError = (error: unknown, code: string) => error instanceof HeedError && error.code === code;

/** Objects of every kind, made, used and disposed one after the other: nothing is held, and the memory does not grow. */
export async function objectLifetimes(count: number): Promise<void> {
  const heed = await createSync({ threads: 1, maximumMemory: 2 ** 26 });
  const options = { kvHeads: 1, headDim: 32, capacity: 64 } as const;
  const [keys, values] = [k.subarray(0, 640), v.subarray(0, 640)];
  const kinds: (() => void)[] = [
    () => heed.tensor(1000).dispose(),
    () => {
      const cache = heed.cache(options);
      cache.append(keys, values);
      const copy = cache.fork();
      copy.append(keys, values);
      copy.attendTopK(q.subarray(0, 32), { keep: { k: 3 } });
      cache.dispose();
      copy.dispose();
    },
    () => heed.index(keys, { kvHeads: 1, headDim: 32 }).dispose(),
    () => {
      const cache = heed.cache({ ...options, dtype: "int8" });
      cache.append(keys, values);
      const saved = cache.save();
      cache.clear();
      cache.restore(saved);
      cache.dispose();
    },
  ];
  const round = (times: number) => {
    for (let i = 0; i < times; ++i) kinds[i % kinds.length]!();
  };
  round(count / 10);
  const before = { ...heed.memory(), resident: await residentBytes() };
  round(count);
  const { liveBytes, totalBytes } = heed.memory();
  check(liveBytes === 0, `${liveBytes} bytes are held after ${count} objects`);
  check(totalBytes === before.totalBytes, `the memory grew by ${totalBytes - before.totalBytes} bytes`);
  const grown = (await residentBytes()) - before.resident;
  check(grown < 32 * mebibyte, `the process grew by ${grown} bytes over ${count} objects`);
  heed.dispose();
}

/** Instances of both entries. The first half warms everything up; one that leaks touches more than 1 MiB. */
export async function instanceLifetimes(count: number): Promise<void> {
  const few = { variant: "simd", maximumMemory: 2 ** 25 } as const;
  const round = async (times: number) => {
    for (let i = 0; i < times; ++i) {
      const one = i % 2 === 0 ? await create(few) : await createSync(few);
      await one.selectTopK(q.subarray(0, 100), 3);
      await one.dispose();
    }
  };
  await round(count / 2);
  const before = await residentBytes();
  await round(count / 2);
  const grown = (await residentBytes()) - before;
  check(grown < 64 * mebibyte, `the process grew by ${grown} bytes over ${count / 2} instances`);
}

/** The limit of memory, reached inside a call: an error, what was there is there, and what fits goes on. */
export async function memoryLimit(rounds: number): Promise<void> {
  const heed = await create({ threads: 1, maximumMemory: 2 ** 25 });
  const expected = await heed.attend(...some(8), shape);
  for (let i = 0; i < rounds; ++i) {
    const cache = await heed.cache({ kvHeads: 1, headDim: 32 });
    let [length, error]: [number, unknown] = [0, undefined];
    while (error === undefined) {
      try {
        length = await cache.append(k, v);
      } catch (thrown) {
        error = thrown;
      }
    }
    check(isError(error, "out-of-memory"), `the cache ended with ${String(error)}`);
    check((await cache.length()) === length && length > 10_000, `the cache has ${await cache.length()} tokens`);
    const held = await cache.attend(q.subarray(0, 32)).catch((thrown: unknown) => thrown);
    check(held instanceof Float32Array || isError(held, "out-of-memory"), `attending to it gave ${String(held)}`);
    const large = new Float32Array(2 ** 22);
    const refused = await heed.attend(large, large, large, shape).catch((thrown: unknown) => thrown);
    check(isError(refused, "out-of-memory"), `a call that is too large gave ${String(refused)}`);
    await cache.rewind(1000);
    check((await cache.append(k, v)) === 2024, "there is no room where room was made");
    await cache.dispose();
    checkSame(await heed.attend(...some(8), shape), expected, "a call after the limit");
    check((await heed.memory()).liveBytes === 0, "memory is held after the limit");
  }
  await heed.dispose();
}

/** Workers killed at any moment of their calls: every promise rejects, and a new instance works. */
export async function deaths(rounds: number): Promise<void> {
  const moments = new Random(11);
  let heed = await create({ threads: 2 });
  const expected = await heed.attend(...some(64), shape);
  for (let i = 0; i < rounds; ++i) {
    const cache = await heed.cache({ kvHeads: 1, headDim: 32 });
    const calls: Promise<unknown>[] = [
      ...[heed.attend(...some(1024), shape), heed.attendTopK(...some(1024), { ...shape, keep: { k: 9 } })],
      ...[
        cache.append(k, v),
        cache.attend(q.subarray(0, 64)),
        heed.memory(),
        heed.index(k, { kvHeads: 1, headDim: 32 }),
      ],
      heed.simulate("E1", { n: [2 ** 16], epsilon: [0.1] }).next(),
    ];
    const outcomes = calls.map((call) => call.then(() => "done").catch((error: unknown) => error));
    await sleep(moments.below(12));
    await heed.terminate();
    for (const outcome of await Promise.all(outcomes)) {
      check(outcome === "done" || isError(outcome, "worker-died"), `a call ended with ${String(outcome)}`);
    }
    const late = await heed.attend(...some(8), shape).catch((error: unknown) => error);
    check(isError(late, "worker-died"), `a call to a dead worker gave ${String(late)}`);
    await heed.dispose();
    heed = await create({ threads: 2 });
    checkSame(await heed.attend(...some(64), shape), expected, "a call to the next worker");
  }
  await heed.dispose();
}

/** Calls aborted before, while and after they run, with others between that must not notice. */
export async function aborts(heed: Heed, count: number): Promise<{ aborted: number; done: number }> {
  const moments = new Random(13);
  const expected = await heed.attend(...some(16), shape);
  const before = (await heed.memory()).liveBytes;
  let [aborted, done] = [0, 0];
  for (let i = 0; i < count; i += 4) {
    const calls = Array.from({ length: 4 }, async (_, j) => {
      const controller = new AbortController();
      const reason = new Error(`call ${i + j}`);
      const options = { ...shape, signal: controller.signal };
      const call =
        j % 2 === 0
          ? heed.attend(...some(512), options)
          : heed.attendTopK(...some(256), { ...options, keep: { k: 5 } });
      const outcome = call.then(() => "done").catch((error: unknown) => error);
      const moment = moments.below(8);
      if (moment > 0) await sleep(moment - 1);
      controller.abort(reason);
      const result = await outcome;
      check(result === "done" || result === reason, `an aborted call ended with ${String(result)}`);
      if (result === "done") ++done;
      else ++aborted;
    });
    const between = heed.attend(...some(16), shape);
    await Promise.all(calls);
    checkSame(await between, expected, "a call between aborted ones");
  }
  const { liveBytes } = await heed.memory();
  check(liveBytes === before, `${liveBytes - before} bytes are held after ${count} aborted calls`);
  return { aborted, done };
}
