/**
 * The package in pages that serve it in all the ways that happen: with and without isolation, under a strict
 * Content-Security-Policy, from another origin, incomplete, or hidden behind an application's fallback page.
 */
import { readFileSync } from "node:fs";

import { chromium, type Browser, type Page } from "playwright";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";

import { isolation, serve, sharing, type Answer, type Answering, type PackageServer } from "./server.js";

const flags = [
  ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
];

const readme = new URL("../../../README.md", import.meta.url);

let browser: Browser;
const servers: PackageServer[] = [];
beforeAll(async () => {
  const executablePath = process.env["HEED_CHROMIUM"] ?? "/usr/bin/chromium";
  browser = await chromium.launch({ executablePath, args: flags });
});
afterEach(async () => {
  for (const context of browser.contexts()) await context.close();
  for (const server of servers.splice(0)) await server.close();
});
afterAll(() => browser.close());

async function started(headers: Record<string, string>, answers: Record<string, Answering> = {}): Promise<string> {
  const server = await serve(headers, answers);
  servers.push(server);
  return server.origin;
}

async function open(origin: string): Promise<Page> {
  const context = await browser.newContext();
  const page = await context.newPage();
  await page.goto(origin);
  return page;
}

/** What a create and a small call in the page come to. */
interface Outcome {
  info?: { variant: string; threads: number; reason: string | null };
  sum?: number;
  code?: string;
  message?: string;
}

/** What page/scenarios.mjs offers. */
type Scenario = "use" | "simulate" | "syncInWorker" | "largeCall" | "createAndDispose";

async function run(page: Page, scenario: Scenario, options: object = {}): Promise<unknown> {
  return page.evaluate(
    ({ scenario, options }) => {
      const { scenarios } = globalThis as unknown as { scenarios: Record<string, (options: object) => unknown> };
      return scenarios[scenario]!(options);
    },
    { scenario, options },
  );
}

function use(page: Page, address: string, options: object = {}): Promise<Outcome> {
  return run(page, "use", { address, options }) as Promise<Outcome>;
}

const html: Answer = { type: "text/html", body: "<!doctype html><title>the application</title>" };

describe("isolation", () => {
  test("with it, the best build runs with threads", async () => {
    const page = await open(await started(isolation));
    const { info, sum } = await use(page, "/dist/web.js", { threads: 2 });
    expect(info).toMatchObject({ variant: "relaxed-threads", threads: 2, reason: null });
    expect(sum).toBe(256);
  });

  test("without it, one thread and the headers that are missing", async () => {
    const page = await open(await started({}));
    const { info, sum } = await use(page, "/dist/web.js", { threads: 2 });
    expect(info).toMatchObject({ variant: "relaxed", threads: 1 });
    expect(info?.reason).toMatch(/Cross-Origin-Opener-Policy: same-origin/);
    expect(sum).toBe(256);
  });

  test("heed/sync in a window has one thread, in a worker it has threads, in every build", async () => {
    const origin = await started(isolation);
    const page = await open(origin);
    const inWindow = await use(page, "/dist/sync-web.js", { threads: 2 });
    expect(inWindow).toMatchObject({ info: { variant: "relaxed", threads: 1 }, sum: 256 });

    const inWorker = await run(page, "syncInWorker");
    expect(inWorker).toEqual([
      ["relaxed-threads", true, 256],
      ["relaxed-threads", true, 256],
      ["threads", true, 256],
      ["relaxed", false, 256],
      ["simd", false, 256],
      ["relaxed-threads-64", true, 256],
    ]);
  });
});

describe("Content-Security-Policy", () => {
  /** What README.md tells people to send, and nothing else: from their own origin, and from a CDN. */
  const [strict = "", fromCdn = ""] = Array.from(
    readFileSync(readme, "utf8").matchAll(/^ {4}(script-src .*)$/gm),
    ([, policy]) => `default-src 'none'; ${policy}`,
  );

  test("own origin only, without blob: and without eval: threads run", async () => {
    const page = await open(await started({ ...isolation, "content-security-policy": strict }));
    const outcome = await use(page, "/dist/web.js", { threads: 2 });
    expect(outcome).toMatchObject({ info: { threads: 2, reason: null }, sum: 256 });
  });

  test("from another origin, workers need that origin and blob:", async () => {
    const packageOrigin = await started(sharing);
    const policy = fromCdn.replaceAll("https://cdn.example", packageOrigin);
    expect(policy).toMatch(/script-src 'self' http.* 'wasm-unsafe-eval'; worker-src blob: http.*; connect-src http/);
    const page = await open(await started({ ...isolation, "content-security-policy": policy }));
    const outcome = await use(page, `${packageOrigin}/dist/web.js`, { threads: 2 });
    expect(outcome).toMatchObject({ info: { threads: 2, reason: null }, sum: 256 });
    const withoutBlob = policy.replace("blob: ", "");
    const without = await open(await started({ ...isolation, "content-security-policy": withoutBlob }));
    expect(await use(without, `${packageOrigin}/dist/web.js`)).toMatchObject({ code: "worker-died" });
  });

  test("workers forbidden: an error that says what to allow", async () => {
    const policy = strict.replace("worker-src 'self'", "worker-src 'none'");
    const page = await open(await started({ ...isolation, "content-security-policy": policy }));
    const { code, message } = await use(page, "/dist/web.js");
    expect(code).toBe("worker-died");
    expect(message).toMatch(/worker-src/);
  });

  test("WebAssembly forbidden: an error", async () => {
    const policy = strict.replace(" 'wasm-unsafe-eval'", "");
    const page = await open(await started({ ...isolation, "content-security-policy": policy }));
    expect(await use(page, "/dist/web.js")).toMatchObject({ code: expect.stringMatching(/unsupported|load-failed/) });
  });
});

describe("from another origin", () => {
  test("the worker and its threads start all the same", async () => {
    const packageOrigin = await started(sharing);
    const page = await open(await started(isolation));
    const outcome = await use(page, `${packageOrigin}/dist/web.js`, { threads: 2 });
    expect(outcome).toMatchObject({ info: { variant: "relaxed-threads", threads: 2, reason: null }, sum: 256 });
  });

  test("not isolated: one thread", async () => {
    const packageOrigin = await started(sharing);
    const page = await open(await started({}));
    expect(await use(page, `${packageOrigin}/dist/web.js`)).toMatchObject({ info: { threads: 1 }, sum: 256 });
  });

  test("with blob: forbidden: an error, and workerUrl with a file of the page's own origin works", async () => {
    const packageOrigin = await started(sharing);
    const policy = `script-src 'self' ${packageOrigin} 'wasm-unsafe-eval'; worker-src 'self'`;
    const page = await open(await started({ ...isolation, "content-security-policy": policy }));
    expect(await use(page, `${packageOrigin}/dist/web.js`)).toMatchObject({ code: "worker-died" });
    const own = await use(page, `${packageOrigin}/dist/web.js`, { workerUrl: "/dist/worker.js", threads: 2 });
    expect(own).toMatchObject({ info: { threads: 2 }, sum: 256 });
  });
});

describe("a worker that was copied away from the package's files", () => {
  /** What an asset plugin makes of the page's code: every address that it names is another one. */
  const moved = (text: string) => text.replace(/new URL\("\.\/(?:glue\/)?([\w-]+\.\w+)"/g, 'new URL("/assets/$1"');
  const dist = (path: string) => readFileSync(new URL(`../../../dist/${path}`, import.meta.url));

  test("is told by the page where they are", async () => {
    const answers: Record<string, Answering> = {};
    for (const name of ["web.js", "shared-web.js"]) {
      answers[`/dist/${name}`] = { type: "text/javascript", body: moved(dist(name).toString()) };
    }
    answers["/assets/worker.js"] = { type: "text/javascript", body: dist("worker.js") };
    for (const name of ["heed-threads.mjs", "heed-study-threads.mjs"]) {
      answers[`/assets/${name}`] = { type: "text/javascript", body: dist(`glue/${name}`) };
    }
    for (const name of ["heed-relaxed-threads.wasm", "heed-study-relaxed-threads.wasm"]) {
      answers[`/assets/${name}`] = { type: "application/wasm", body: dist(`glue/${name}`) };
    }
    const page = await open(await started(isolation, answers));
    const outcome = await use(page, "/dist/web.js", { threads: 2 });
    expect(outcome).toMatchObject({ info: { variant: "relaxed-threads", threads: 2, reason: null }, sum: 256 });
    expect(await run(page, "simulate", { threads: 2 })).toEqual({ rows: 1 });
  });
});

describe("the study module", () => {
  test("is asked for by the first simulation, not before, and runs on as many threads", async () => {
    let asked = 0;
    const count = () => void ++asked;
    const glue = Object.fromEntries(
      ["threads.mjs", "relaxed-threads.wasm"].map((end) => [`/dist/glue/heed-study-${end}`, count]),
    );
    const page = await open(await started(isolation, glue));
    expect(await use(page, "/dist/web.js", { threads: 2 })).toMatchObject({ info: { threads: 2 }, sum: 256 });
    expect(asked).toBe(0);
    expect(await run(page, "simulate", { threads: 2 })).toEqual({ rows: 1 });
    // The loader, once more for its thread, and the module.
    expect(asked).toBe(3);
  });

  test("from another origin, too", async () => {
    const packageOrigin = await started(sharing);
    const page = await open(await started(isolation));
    expect(await run(page, "simulate", { address: `${packageOrigin}/dist/web.js`, threads: 2 })).toEqual({ rows: 1 });
  });

  test("missing: the simulation says which file, the rest works", async () => {
    const missing = { status: 404, body: "" };
    const origin = await started({}, { "/dist/glue/heed-study-relaxed.wasm": missing });
    const page = await open(origin);
    const outcome = await run(page, "simulate", {});
    expect(outcome).toMatchObject({ code: "load-failed", sum: 256 });
    expect(outcome).toHaveProperty(
      "message",
      expect.stringMatching(/heed-study-relaxed\.wasm was answered with .* 404/),
    );
  });
});

describe("incomplete deployments", () => {
  test("wasm answered with a page: the address and the cause", async () => {
    const variants = ["simd", "relaxed", "threads", "relaxed-threads"];
    const answers = Object.fromEntries(variants.map((name) => [`/dist/glue/heed-${name}.wasm`, html]));
    const origin = await started(isolation, answers);
    const { code, message } = await use(await open(origin), "/dist/web.js");
    expect(code).toBe("load-failed");
    expect(message).toContain(`${origin}/dist/glue/heed-relaxed.wasm is not WebAssembly but HTML`);
  });

  test("threaded files missing: one thread, with the reason", async () => {
    const origin = await started(isolation, { "/dist/glue/heed-relaxed-threads.wasm": { status: 404, body: "" } });
    const { info, sum } = await use(await open(origin), "/dist/web.js", { threads: 2 });
    expect(info).toMatchObject({ variant: "relaxed", threads: 1 });
    expect(info?.reason).toMatch(/threads did not start: .*heed-relaxed-threads\.wasm was answered with status 404/);
    expect(sum).toBe(256);
  });

  test("threads whose worker is refused: one thread, with the reason, and no waiting", async () => {
    // The loader itself comes; what its threads load instead is a page, which is no script.
    const glue = "/dist/glue/heed-threads.mjs";
    const page = await open(await started(isolation, { [glue]: (times) => (times === 0 ? undefined : html) }));
    const began = performance.now();
    const { info, sum } = await use(page, "/dist/web.js", { threads: 2 });
    expect(info).toMatchObject({ variant: "relaxed", threads: 1 });
    expect(info?.reason).toMatch(/threads did not start/);
    expect(sum).toBe(256);
    expect(performance.now() - began).toBeLessThan(10_000);
  });

  test("worker.js missing, or a page in its place: an error, and nobody waits", async () => {
    for (const answer of [{ status: 404, body: "" }, html]) {
      const page = await open(await started(isolation, { "/dist/worker.js": answer }));
      expect(await use(page, "/dist/web.js")).toMatchObject({ code: "worker-died" });
    }
  });
});

test("a page is never blocked longer than 50 ms while 16384 tokens of eight heads are attended to", async () => {
  const page = await open(await started(isolation));
  expect(await run(page, "largeCall", { tokens: 16384, heads: 8, headDim: 64, limit: 50 })).toBeLessThan(50);
});

test("forty create and dispose leave no worker behind", async () => {
  const page = await open(await started(isolation));
  await run(page, "createAndDispose", { times: 40 });
  // Workers end a moment after they were told to.
  await expect.poll(() => page.workers().length, { timeout: 10_000 }).toBe(0);
});
