/** heed/inline where nothing can be fetched: one classic script in a page of a file: address, and policies for it. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

import { chromium, firefox, type Browser, type BrowserType } from "playwright";
import { rolldown } from "rolldown";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const entry = fileURLToPath(new URL("../../../dist/inline.js", import.meta.url));

/** What the page does with the options that its address has. */
const application = `
import { create } from ${JSON.stringify(entry)};
async function run(options) {
  const heed = await create(options);
  const ones = new Float32Array(256).fill(1);
  const out = await heed.attend(ones, ones, ones, { heads: 2, headDim: 8 });
  const rows = [];
  for await (const row of heed.simulate("E1", { n: [64], epsilon: [0.01] })) rows.push(row.n);
  const cache = await heed.cache({ kvHeads: 1, headDim: 4 });
  const length = await cache.append(ones.subarray(0, 8), ones.subarray(0, 8));
  const { variant, threads, reason } = heed.info;
  await heed.dispose();
  return { variant, threads, reason, sum: out.reduce((a, b) => a + b, 0), rows, length };
}
const options = JSON.parse(decodeURIComponent(location.hash.slice(1)));
globalThis.outcome = run(options).catch(({ code, message }) => ({ code, message }));
`;

interface Outcome {
  variant?: string;
  reason?: string;
  code?: string;
  message?: string;
}

const folder = mkdtempSync(join(tmpdir(), "heed-inline-"));
const page = join(folder, "index.html");
let script = "";
let browser: Browser;
const servers: Server[] = [];
beforeAll(async () => {
  writeFileSync(join(folder, "application.js"), application);
  const build = await rolldown({ input: join(folder, "application.js"), platform: "browser" });
  const { output } = await build.generate({ format: "iife", codeSplitting: false });
  await build.close();
  script = output[0].code;
  writeFileSync(join(folder, "bundle.js"), script);
  writeFileSync(page, `<!doctype html><script src="bundle.js"></script>`);
  browser = await chromium.launch({
    executablePath: process.env["HEED_CHROMIUM"] ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
  });
});
afterAll(async () => {
  for (const server of servers) server.close();
  await browser.close();
  rmSync(folder, { recursive: true });
});

/** The outcome in a page, and the addresses that it asked for after its own script. */
async function open(address: string, options: object = {}, inBrowser: Browser = browser) {
  const tab = await inBrowser.newPage();
  const asked: string[] = [];
  tab.on("request", (request) => asked.push(request.url()));
  await tab.goto(`${address}#${encodeURIComponent(JSON.stringify(options))}`);
  const outcome = (await tab.evaluate("outcome")) as Outcome;
  await tab.close();
  return { outcome, asked: asked.filter((url) => !/^blob:|\/(bundle\.js|favicon\.ico|index\.html)?(#.*)?$/.test(url)) };
}

async function served(policy: string): Promise<string> {
  const server = createServer((request, response) => {
    const body = request.url === "/bundle.js" ? script : `<!doctype html><script src="bundle.js"></script>`;
    const type = request.url === "/bundle.js" ? "text/javascript" : "text/html";
    response.writeHead(200, { "content-type": type, "content-security-policy": policy }).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
}

const right = {
  ...{ variant: "simd", threads: 1, sum: 256, rows: [64], length: 2 },
  reason: expect.stringMatching(/^heed\/inline has one/),
};

test("a bundle of it names no other file", () => {
  expect(script).not.toMatch(/import\.meta|\bimport\(|new URL\("\.\//);
});

describe("a page of a file: address", () => {
  test("runs and fetches nothing", async () => {
    const { outcome, asked } = await open(pathToFileURL(page).href);
    expect(outcome).toEqual(right);
    expect(asked).toEqual([]);
  });

  test("takes its one variant by name, and early studies", async () => {
    const { outcome } = await open(pathToFileURL(page).href, { variant: "simd", studies: true });
    expect(outcome).toEqual(right);
  });

  test("takes a number of threads, has one, and says why", async () => {
    const { outcome } = await open(pathToFileURL(page).href, { threads: 2 });
    expect(outcome).toEqual(right);
  });

  test("in Firefox too", { timeout: 60_000 }, async () => {
    const executablePath = process.env["HEED_FIREFOX"] ?? "/usr/bin/firefox-esr";
    const stock = { channel: "moz-firefox", executablePath } as Parameters<BrowserType["launch"]>[0];
    const other = await firefox.launch({ ...stock });
    try {
      expect((await open(pathToFileURL(page).href, {}, other)).outcome).toEqual(right);
    } finally {
      await other.close();
    }
  });

  test.each(["threads", "relaxed"])("the variant %s is refused with the reason", async (variant) => {
    const { outcome } = await open(pathToFileURL(page).href, { variant });
    expect(outcome.code).toBe("unsupported");
    expect(outcome.message).toMatch(/heed\/inline has one thread, in the variant "simd"; import heed instead/);
  });
});

describe("Content-Security-Policy", () => {
  const policy = "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; worker-src blob:";

  test("blob: for workers is all that it needs beside 'wasm-unsafe-eval'", async () => {
    expect((await open(await served(policy))).outcome).toEqual(right);
  });

  test("without it: an error that says so", async () => {
    const { outcome } = await open(await served(policy.replace("worker-src blob:", "worker-src 'self'")));
    expect(outcome.code).toBe("worker-died");
    expect(outcome.message).toMatch(/blob: in the worker-src/);
  });
});
