/**
 * One candidate in a worker: the bench's host, with heed, plain JavaScript and the machine's loops to choose from. The
 * peers have workers of their own (peers-plugin.ts).
 */
import { createHost } from "../../../bench/harness/host.mjs";

const modules: Record<string, () => Promise<unknown>> = {
  ...import.meta.glob("../../../bench/harness/candidates/{heed_attend,heed_attend_top_k,heed_decode}.mjs"),
  ...import.meta.glob("../../../bench/harness/candidates/{machine_loop,timer_step}.mjs"),
  ...import.meta.glob("../../../bench/peers/plain_{javascript,top_k,decode}.mjs"),
};

const handle = createHost({
  load(address) {
    if (address === "heed/sync") return import("heed/sync");
    const load = modules[`../../../bench/${address}`];
    if (load === undefined) throw new Error(`there is no ${address} here`);
    return load();
  },
  thread: () => new Worker(new URL("./loop-worker.ts", import.meta.url), { type: "module" }),
});

globalThis.addEventListener("message", ({ data }: MessageEvent<{ id: number; message: unknown }>) => {
  void handle(data.message).then((answer) => globalThis.postMessage({ id: data.id, answer }));
});
