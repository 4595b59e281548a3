/**
 * WebKitGTK's small browser, driven through WebDriver, on a display of its own.
 *
 * Playwright starts only a WebKit that it has patched and built itself; the one that people have comes with a driver
 * that speaks the W3C's protocol. Six of its requests are all that is asked here, and the library for the others is
 * 218 packages. What is started belongs to this process and ends with it.
 */
import { spawn, type ChildProcess } from "node:child_process";
import { createServer } from "node:net";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

/** Shared memory for threads, and the part of relaxed SIMD that there is. */
const fastPath = { JSC_useSharedArrayBuffer: "1", JSC_useWasmRelaxedSIMD: "1" };

const startLimitMs = 20_000;
/** A request that takes longer has hung: a page of tests that opens, a screenshot. */
const requestLimitMs = 60_000;

export interface WebKitOptions {
  /** With the switches above. */
  fast?: boolean;
}

/** A free port. Between the question and its use somebody else may take it; then the driver ends and says so. */
function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer().once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => (typeof address === "object" && address ? resolve(address.port) : reject(new Error())));
    });
  });
}

/** Rejects when the program cannot be started or ends. */
function endOf(program: string, child: ChildProcess): Promise<never> {
  return new Promise((_, reject) => {
    child.once("error", ({ message }) => {
      reject(new Error(`${program} cannot start: ${message}; npm test -- --only=webkit installs it on Debian`));
    });
    child.once("exit", (code, signal) => reject(new Error(`${program} ended: ${signal ?? code}`)));
  });
}

/** The display's number, once it takes windows. */
async function displayOf(server: ChildProcess): Promise<string> {
  let text = "";
  for await (const part of server.stdio[3] as Readable) {
    text += String(part);
    if (text.endsWith("\n")) break;
  }
  return `:${text.trim()}`;
}

export class WebKit {
  readonly #processes: ChildProcess[] = [];
  readonly #endProcesses = () => this.#processes.forEach((child) => child.kill());
  #driver = "";
  #session = "";

  static async start({ fast = false }: WebKitOptions = {}): Promise<WebKit> {
    const webkit = new WebKit();
    process.once("exit", webkit.#endProcesses);
    try {
      await webkit.#start(fast);
      return webkit;
    } catch (error) {
      await webkit.close();
      throw error;
    }
  }

  async #start(fast: boolean): Promise<void> {
    const screen = ["-screen", "0", "1600x1200x24", "-nolisten", "tcp"];
    const server = spawn("Xvfb", ["-displayfd", "3", ...screen], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
    this.#processes.push(server);
    const display = await Promise.race([displayOf(server), endOf("Xvfb", server)]);

    const port = await freePort();
    const program = process.env["HEED_WEBKIT_DRIVER"] ?? "WebKitWebDriver";
    const driver = spawn(program, [`--port=${port}`, "--host=127.0.0.1"], {
      stdio: "ignore",
      env: {
        ...process.env,
        DISPLAY: display,
        GDK_BACKEND: "x11",
        // There is no graphics card, and no bus of a desktop.
        WEBKIT_DISABLE_COMPOSITING_MODE: "1",
        NO_AT_BRIDGE: "1",
        ...(fast ? fastPath : {}),
      },
    });
    this.#processes.push(driver);
    this.#driver = `http://127.0.0.1:${port}`;
    await Promise.race([this.#answers(), endOf(program, driver)]);
    const { sessionId } = await this.#ask<{ sessionId: string }>("POST", "/session", {
      capabilities: { alwaysMatch: { timeouts: { script: requestLimitMs, pageLoad: requestLimitMs } } },
    });
    this.#session = `/session/${sessionId}`;
  }

  async #answers(): Promise<void> {
    for (const start = performance.now(); performance.now() - start < startLimitMs; await sleep(50)) {
      const response = await fetch(`${this.#driver}/status`).catch(() => undefined);
      if (response?.ok) return;
    }
    throw new Error(`the driver did not answer within ${startLimitMs / 1000} s`);
  }

  async #ask<T>(method: string, path: string, body?: object): Promise<T> {
    const signal = AbortSignal.timeout(requestLimitMs + 5000);
    const content = body === undefined ? {} : { body: JSON.stringify(body) };
    const response = await fetch(`${this.#driver}${path}`, { method, signal, ...content });
    const { value } = (await response.json()) as { value: T & { error?: string; message?: string } };
    if (!response.ok) throw new Error(`${method} ${path}: ${value.error}: ${value.message}`);
    return value;
  }

  /** Resolves when the page has loaded. */
  open(url: string): Promise<void> {
    return this.#ask("POST", `${this.#session}/url`, { url });
  }

  /** Runs the body of a function in the page; what it returns has to be JSON, or a promise of it. */
  evaluate<T>(script: string, ...args: readonly unknown[]): Promise<T> {
    return this.#ask("POST", `${this.#session}/execute/sync`, { script, args });
  }

  /** What the window shows, as PNG. */
  async screenshot(): Promise<Buffer> {
    return Buffer.from(await this.#ask<string>("GET", `${this.#session}/screenshot`), "base64");
  }

  /** Gives the page this size, and tells its width and that of what is in it. The window has bars around it. */
  async resizeTo(width: number, height: number): Promise<[inner: number, content: number]> {
    const sizes = () => this.evaluate<[number, number]>("return [outerWidth - innerWidth, outerHeight - innerHeight]");
    let [barsAside, barsAbove] = await sizes();
    for (let attempt = 0; attempt < 2; ++attempt, [barsAside, barsAbove] = await sizes()) {
      const rect = { x: 0, y: 0, width: width + barsAside, height: height + barsAbove };
      await this.#ask("POST", `${this.#session}/window/rect`, rect);
      await sleep(300);
    }
    return this.evaluate("return [innerWidth, document.documentElement.scrollWidth]");
  }

  async close(): Promise<void> {
    // The browser ends with its session; were it to hang, then without its display.
    if (this.#session !== "") await this.#ask("DELETE", this.#session).catch(() => undefined);
    this.#endProcesses();
    process.off("exit", this.#endProcesses);
  }
}
