/**
 * The lab as a visitor gets it: built, served on 127.0.0.1 with its headers, opened in Chromium or Firefox. Every
 * request and every message of the console is kept, because what must not happen (a request elsewhere, an error) is
 * part of the promise. A visit that has settled took seconds; tests that only look, or clean up behind themselves,
 * share one.
 */
import {
  chromium,
  firefox,
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from "playwright";
import { inject } from "vitest";
import { watchFiles } from "./files.js";

const launch = {
  chromium: () =>
    chromium.launch({
      executablePath: process.env["HEED_CHROMIUM"] ?? "/usr/bin/chromium",
      args: [
        ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
        ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
      ],
    }),
  firefox: () =>
    firefox.launch({ channel: "moz-firefox", executablePath: process.env["HEED_FIREFOX"] ?? "/usr/bin/firefox-esr" }),
};

export const desktop = { width: 1440, height: 900 };
export const phone = { width: 390, height: 844 };

export interface Visit {
  page: Page;
  context: BrowserContext;
  requests: string[];
  errors: string[];
}

export class Lab {
  readonly #browser: Browser;
  readonly origin = inject("labOrigin");

  private constructor(browser: Browser) {
    this.#browser = browser;
  }

  static async open(engine: keyof typeof launch = "chromium"): Promise<Lab> {
    return new Lab(await launch[engine]());
  }

  /**
   * `place`: what follows the origin's slash, a page's name or a hash or both. A page that has come to rest fetches the
   * lab's 18 MB for times without a network, which keeps both processors busy for more than a second: only visits with
   * `{serviceWorkers: "allow"}` do.
   */
  async visit(place = "", options: BrowserContextOptions = {}): Promise<Visit> {
    const context = await this.#browser.newContext({
      viewport: desktop,
      colorScheme: "light",
      serviceWorkers: "block",
      ...options,
    });
    // Two pages at a time, on a machine that may have other work: what comes late is no failure.
    context.setDefaultTimeout(90_000);
    if (this.#browser.browserType().name() === "firefox") await watchFiles(context);
    const page = await context.newPage();
    const visit: Visit = { page, context, requests: [], errors: [] };
    // What the service worker keeps for later is not what the visitor waits for.
    context.on("request", (request) => {
      if (request.serviceWorker() === null) visit.requests.push(request.url());
    });
    page.on("pageerror", (error) => visit.errors.push(error.message));
    page.on("console", (message) => {
      if (message.type() === "error") visit.errors.push(message.text());
    });
    await page.goto(new URL(place, `${this.origin}/`).href);
    return visit;
  }

  /** What was asked of anyone but the lab's own origin: nothing ever should be. */
  elsewhere(requests: readonly string[]): string[] {
    return requests.filter((url) => !url.startsWith(`${this.origin}/`) && !/^(blob|data):/.test(url));
  }

  async close(): Promise<void> {
    await this.#browser.close();
  }
}

/** Waits until no long task runs or waits for its turn; the essay has three. */
export async function settled(page: Page, fewest = 3): Promise<void> {
  await page.waitForFunction(
    (count) => {
      const tasks = [...document.querySelectorAll<HTMLElement>(".task")];
      const ended = (task: HTMLElement): boolean => ["done", "failed", "cancelled"].includes(task.dataset["phase"]!);
      // Tasks with columns to show wait for their reader.
      tasks.find((task) => !ended(task))?.scrollIntoView();
      return tasks.length >= count && tasks.every(ended);
    },
    fewest,
    // At every frame, which is the default, the looking itself keeps a processor busy.
    { timeout: 90_000, polling: 100 },
  );
}

/** Waits until the numbers under the controls are there. */
export async function ready(visit: Visit): Promise<Visit> {
  await visit.page.locator(".numbers dd").first().waitFor();
  return visit;
}

/** The numbers under the controls, by the beginning of their label. */
export async function keyNumber(page: Page, label: string): Promise<number> {
  const number = page.locator(".numbers > div", { hasText: label }).locator("dd");
  return Number(await number.getAttribute("data-value"));
}

/** Waits until a number differs from what it was, and returns it. */
export async function nextKeyNumber(page: Page, label: string, before: number): Promise<number> {
  await page.waitForFunction(
    ([text, former]) => {
      const term = [...document.querySelectorAll(".numbers dt")].find((dt) => dt.textContent?.includes(String(text)));
      const value = term?.parentElement?.querySelector("dd")?.getAttribute("data-value");
      return value !== null && value !== undefined && Number(value) !== former;
    },
    [label, before] as const,
  );
  return keyNumber(page, label);
}

/** Replaces the source of the cell around `inside` and runs it with the keyboard; the editor stays open. */
export async function rewriteCell(page: Page, inside: string, change: (source: string) => string): Promise<void> {
  const cell = page.locator("lab-cell", { has: page.locator(inside) }).first();
  await cell.hover();
  await cell.locator(".cell-edit").click();
  const editor = cell.locator("cell-editor");
  await editor.locator(".cm-content").focus();
  const source = await editor.evaluate((element) => (element as unknown as { source: string }).source);
  await page.keyboard.press("Control+A");
  await page.keyboard.insertText(change(source));
  await page.keyboard.press("Shift+Enter");
}

/** Closes the one editor that is open, and keeps its change. */
export async function closeCell(page: Page): Promise<void> {
  await page
    .locator("lab-cell", { has: page.locator("cell-editor") })
    .getByRole("button", { name: "Close" })
    .click();
  await page.locator("cell-editor").waitFor({ state: "detached" });
}

/** The link that the page offers. */
export async function shared(page: Page): Promise<string> {
  await page.getByRole("button", { name: "Share", exact: true }).click();
  const link = await page.getByLabel("Link", { exact: true }).inputValue();
  await page.getByRole("button", { name: "Close" }).last().click();
  return link;
}
