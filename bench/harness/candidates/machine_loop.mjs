// What the machine allows, as a candidate like any other, so that it takes its turns between the others: a loop of
// wasm_loops.mjs, on one thread or on several at once.
//
// The first thread is the host's own; the others are workers with the same loop over their own share of one memory. A
// call runs the loop `repeats` times: with many threads once is over before the last of them has woken.

import { loops } from "../wasm_loops.mjs";

const inNode = typeof process !== "undefined" && process.versions?.node !== undefined;

async function loopThread() {
  const address = new URL(/* @vite-ignore */ "./machine_loop_worker.mjs", import.meta.url);
  const Kind = inNode ? (await import("node:worker_threads")).Worker : Worker;
  return new Kind(address, { type: "module" });
}

async function startWorker(setting, thread) {
  const worker = await thread();
  const listen = (name, receive) => (inNode ? worker.on(name, receive) : worker.addEventListener(name, receive));
  let settle;
  const reply = () => new Promise((resolve, reject) => (settle = { resolve, reject }));
  listen("message", (message) => settle.resolve(inNode ? message : message.data));
  listen("error", (error) => settle.reject(new Error(error.message)));
  const ready = reply();
  worker.postMessage(setting);
  await ready;
  return {
    run() {
      const done = reply();
      worker.postMessage({ repeats: setting.repeats });
      return done;
    },
    end: () => worker.terminate(),
  };
}

/** `tools.thread` starts a worker of machine_loop_worker.mjs where a bundler has moved it. */
export async function open({ loop, threads, repeats = 1 }, tools) {
  const { bytes, build } = loops[loop];
  const share = Math.floor(bytes / threads / 128) * 128;
  const memory = new WebAssembly.Memory({
    initial: Math.ceil(bytes / 65536) + 1,
    maximum: Math.ceil(bytes / 65536) + 1,
    shared: true,
  });
  new Float32Array(memory.buffer).fill(0.5);
  const setting = (thread) => ({ loop, memory, base: thread * share, share, repeats });
  const workers = await Promise.all(
    Array.from({ length: threads - 1 }, (_, i) => startWorker(setting(i + 1), tools?.thread ?? loopThread)),
  );
  const own = build(setting(0));
  return {
    info: { variant: loop, threads },
    prepare: () => undefined,
    async call() {
      const others = workers.map((worker) => worker.run());
      const sums = Array.from({ length: repeats }, () => own.run());
      return [...sums, ...(await Promise.all(others)).flat()];
    },
    /** Flops and bytes of one call, all threads together. */
    work: () => ({ flops: own.flops * threads * repeats, bytes: own.readBytes * threads * repeats }),
    right: (sums) => sums.every((sum) => own.right(sum)),
    close: () => Promise.all(workers.map((worker) => worker.end())),
  };
}
