// What the pages of pages.test.ts do. Served as it is: the test runner rewrites imports inside of functions.

/** Loads the entry at `address`, calls create with `options`, and attends over equal keys. */
async function use({ address, options = {} }) {
  try {
    const { create } = await import(address);
    const heed = await create(options);
    const ones = new Float32Array(256).fill(1);
    const out = await heed.attend(ones, ones, ones, { heads: 2, headDim: 8 });
    const { info } = heed;
    await heed.dispose();
    return { info, sum: out.reduce((a, b) => a + b, 0) };
  } catch (error) {
    return { code: error.code ?? "none", message: String(error) };
  }
}

/** A small simulation, and when it fails a small call after it. */
async function simulate({ address = "/dist/web.js", ...options }) {
  const { create } = await import(address);
  const heed = await create(options);
  let rows = 0;
  try {
    for await (const row of heed.simulate("E1", { n: [64], epsilon: [0.01] })) rows += row.n === 64 ? 1 : 0;
    return { rows };
  } catch ({ code, message }) {
    const ones = new Float32Array(256).fill(1);
    const out = await heed.attend(ones, ones, ones, { heads: 2, headDim: 8 });
    return { code, message, sum: out.reduce((a, b) => a + b, 0) };
  } finally {
    await heed.dispose();
  }
}

/** Every build of heed/sync in a worker of the page's own: name, whether it has threads, the sum of a result. */
function syncInWorker() {
  const source = `
    import { create, variants } from "${globalThis.location.origin}/dist/sync-web.js";
    const seen = [];
    for (const options of [{ threads: 2 }, ...variants.map(({ name }) => ({ variant: name }))]) {
      const heed = await create(options);
      const ones = new Float32Array(256).fill(1);
      const out = heed.attend(ones, ones, ones, { heads: 2, headDim: 8 });
      seen.push([heed.info.variant, heed.info.threads > 1, out.reduce((a, b) => a + b, 0)]);
      heed.dispose();
    }
    postMessage(seen);`;
  const worker = new Worker(URL.createObjectURL(new Blob([source], { type: "text/javascript" })), { type: "module" });
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = ({ message }) => reject(new Error(message));
  });
}

/** The longest time that this thread could not run, in ms, while `work` went on. */
async function longestBlock(work) {
  const { port1, port2 } = new MessageChannel();
  let [running, longest, last] = [true, 0, performance.now()];
  const ended = new Promise((resolve) => {
    port1.onmessage = () => {
      const now = performance.now();
      longest = Math.max(longest, now - last);
      last = now;
      if (running) port2.postMessage(null);
      else resolve();
    };
  });
  port2.postMessage(null);
  await work();
  running = false;
  await ended;
  return longest;
}

/** The longest block while `threads` workers do nothing but work: what the machine itself does to a page. */
async function blockByOthers(threads) {
  const spin = URL.createObjectURL(new Blob(["for (;;);"], { type: "text/javascript" }));
  const workers = Array.from({ length: threads }, () => new Worker(spin));
  const block = await longestBlock(() => new Promise((resolve) => setTimeout(resolve, 1000)));
  for (const worker of workers) worker.terminate();
  return block;
}

/**
 * Attention over many tokens, cancelled after a second, seen from the page's main thread: how much longer it is blocked
 * than by other work of as many threads. The least of several runs, ended early by one within `limit`: what the call
 * itself blocks, it blocks every time; what other programs do meanwhile, they do not.
 */
async function largeCall({ tokens, heads, headDim, limit }) {
  const { create } = await import("/dist/web.js");
  const heed = await create();
  const array = () => new Float32Array(tokens * heads * headDim).fill(0.5);
  const [q, k, v] = [array(), array(), array()];
  let least = Infinity;
  for (let run = 0; run < 10 && least >= limit; ++run) {
    const others = await blockByOthers(heed.info.threads);
    const controller = new AbortController();
    const block = await longestBlock(async () => {
      const call = heed.attend(q, k, v, { heads, headDim, signal: controller.signal });
      setTimeout(() => controller.abort(), 1000);
      await call.catch(() => undefined);
    });
    least = Math.min(least, block - others);
  }
  await heed.dispose();
  return least;
}

async function createAndDispose({ times }) {
  const { create } = await import("/dist/web.js");
  for (let i = 0; i < times; ++i) {
    const heed = await create({ threads: 2, maximumMemory: 2 ** 26 });
    await heed.selectTopK(new Float32Array(4), 1);
    await heed.dispose();
  }
}

globalThis.scenarios = { use, simulate, syncInWorker, largeCall, createAndDispose };
