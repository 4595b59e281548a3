// Where the package's tests run: Node, an isolated page (threads), a page without isolation (one thread), a second and
// a third engine, and the lab driven from outside. All of them import "heed" and "heed/sync" as they lie in dist/.

import { fileURLToPath } from "node:url";

import { playwright } from "@vitest/browser-playwright";
import { defineConfig } from "vitest/config";
import { BaseSequencer, type BrowserProviderOption, type InlineConfig, type TestSpecification } from "vitest/node";

import type { Engine } from "./tests/web/support/expected-variants.js";
import { webkit, webkitCommands } from "./tests/webkit/provider.js";

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

interface Place {
  browser: "chromium" | "firefox" | "webkit";
  provider: BrowserProviderOption;
  headers?: Record<string, string>;
  engine: Engine;
  include?: string[];
}

const browserProject = (name: string, place: Place) => ({
  resolve: { alias: webEntries },
  server: { headers: place.headers ?? {} },
  // WebKit has no `using` yet; whoever writes it has it compiled away, as it is here.
  ...(place.browser === "webkit" ? { oxc: { target: "es2022" } } : {}),
  test: {
    name,
    include: place.include ?? ["tests/web/**/*.test.ts"],
    exclude: ["tests/web/node/**"],
    testTimeout: 60_000,
    fileParallelism: false,
    provide: { engine: place.engine },
    browser: {
      enabled: true,
      headless: true,
      screenshotFailures: false,
      provider: place.provider,
      ...(place.browser === "webkit" ? { commands: webkitCommands } : {}),
      instances: [{ browser: place.browser, name }],
    },
  },
});

const opening = "tests/lab/opening.test.ts";

/** The lab, driven from outside. */
const labProject = (
  name: string,
  options: { include?: string[] } & Pick<InlineConfig, "exclude" | "maxWorkers" | "sequence">,
) => ({
  test: {
    include: ["tests/lab/**/*.test.ts"],
    ...options,
    name,
    environment: "node" as const,
    globalSetup: "tests/lab/support/setup.ts",
    testTimeout: 120_000,
    hookTimeout: 120_000,
  },
});

/** What takes longest comes first, so that the last file of a run does not keep one processor busy alone. */
const longest = [
  "node/lifetime",
  "node/pages",
  "lab/firefox",
  "lab/notebooks",
  "lab/device",
  "lab/page",
  "lab/notebook",
];

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const place = ({ moduleId }: TestSpecification): number => {
      const known = longest.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`));
      return known < 0 ? longest.length : known;
    };
    return (await super.sort(files)).toSorted((a, b) => place(a) - place(b));
  }
}

/** What the engines can do, written down: a test that asked them would be content with less. */
const everything: Engine = { relaxedSimd: true, threads: true, memory64: true, privateFiles: true };
const webkitEngine: Engine = { relaxedSimd: false, threads: false, memory64: false, privateFiles: false };

export default defineConfig({
  test: {
    sequence: { sequencer: LongestFirst },
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
      browserProject("chromium", { browser: "chromium", provider: chromium, headers: isolation, engine: everything }),
      browserProject("chromium-plain", {
        browser: "chromium",
        provider: chromium,
        engine: { ...everything, threads: false },
        include: pageTests,
      }),
      browserProject("firefox", { browser: "firefox", provider: firefox, headers: isolation, engine: everything }),
      browserProject("webkit", { browser: "webkit", provider: webkit(), headers: isolation, engine: webkitEngine }),
      browserProject("webkit-fast", {
        browser: "webkit",
        provider: webkit({ fast: true }),
        headers: isolation,
        engine: { ...webkitEngine, threads: true },
      }),
      {
        test: {
          name: "wasm64",
          environment: "node",
          include: ["tests/wide/**/*.test.ts"],
          testTimeout: 600_000,
        },
      },
      // Half of the time a page waits for its reader: two at once take little longer than one.
      labProject("lab", { exclude: [opening], maxWorkers: 2, sequence: { groupOrder: 0 } }),
      labProject("lab-opening", { include: [opening], maxWorkers: 1, sequence: { groupOrder: 1 } }),
      labProject("lab-webkit", { include: ["tests/webkit/lab.test.ts"], maxWorkers: 1, sequence: { groupOrder: 2 } }),
    ],
  },
});
