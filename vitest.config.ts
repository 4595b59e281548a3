// Where the package's tests run: Node, an isolated page (threads), a page without isolation (one thread), a second
// engine, and the lab driven from outside. All of them import "heed" and "heed/sync" as they lie in dist/.

import { fileURLToPath } from "node:url";

import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";

const dist = (name: string) => fileURLToPath(new URL(`./dist/${name}`, import.meta.url));

/** What package.json's `exports` says for browsers, for Vite's module graph. */
const webEntries = [
  { find: /^heed$/, replacement: dist("web.js") },
  { find: /^heed\/sync$/, replacement: dist("sync-web.js") },
  { find: /^heed\/safetensors$/, replacement: dist("safetensors.js") },
];

/** Headers that make a page cross-origin isolated; shared memory exists only there. */
const isolation = {
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Embedder-Policy": "require-corp",
  "Cross-Origin-Resource-Policy": "cross-origin",
};

const chromium = playwright({
  launchOptions: {
    executablePath: process.env["HEED_CHROMIUM"] ?? "/usr/bin/chromium",
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ],
  },
});

const firefox = playwright({
  launchOptions: { channel: "moz-firefox", executablePath: process.env["HEED_FIREFOX"] ?? "/usr/bin/firefox-esr" },
});

/** What depends on the page: choosing, loading, starting, talking to the worker. The rest is numbers. */
const pageTests = ["tests/web/async/**/*.test.ts", "tests/web/runtime/**/*.test.ts"];

const browserProject = (
  name: string,
  provider: typeof chromium,
  headers: Record<string, string>,
  include = ["tests/web/**/*.test.ts"],
) => ({
  resolve: { alias: webEntries },
  server: { headers },
  test: {
    name,
    include,
    exclude: ["tests/web/node/**"],
    testTimeout: 60_000,
    fileParallelism: false,
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider,
      instances: [{ browser: name === "firefox" ? ("firefox" as const) : ("chromium" as const), name }],
    },
  },
});

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: "node",
          environment: "node",
          include: ["tests/web/**/*.test.ts"],
          // Stores that only browsers have.
          exclude: ["tests/web/stores/**"],
          testTimeout: 60_000,
          // Two cores, and every file starts threads of its own.
          maxWorkers: 2,
        },
      },
      browserProject("chromium", chromium, isolation),
      browserProject("chromium-plain", chromium, {}, pageTests),
      browserProject("firefox", firefox, isolation),
      {
        test: {
          name: "wasm64",
          environment: "node",
          include: ["tests/wide/**/*.test.ts"],
          testTimeout: 600_000,
        },
      },
      {
        test: {
          name: "lab",
          environment: "node",
          include: ["tests/lab/**/*.test.ts"],
          testTimeout: 120_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
