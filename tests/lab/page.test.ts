/** The page itself: who it talks to, how much it loads, who can use it, on what screen. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contents } from "../../web/lab/contents.js";
import { colorViolations, violations } from "./support/axe.js";
import { desktop, Lab, phone, ready, settled, type Visit } from "./support/lab.js";

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

/** A page that computes nothing before its reader asks, for tests of what all pages have. */
const quiet = "a-model-on-your-device.html";

/** The color of the background. */
const paper = (page: Page): Promise<string> => page.evaluate(() => getComputedStyle(document.body).backgroundColor);

test("the headers isolate the page and forbid connections elsewhere", async () => {
  const response = await fetch(lab.origin);
  expect(response.headers.get("cross-origin-opener-policy")).toBe("same-origin");
  expect(response.headers.get("cross-origin-embedder-policy")).toBe("require-corp");
  expect(response.headers.get("cross-origin-resource-policy")).toBe("same-origin");
  const policy = response.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("connect-src 'self'");
  expect(policy).not.toMatch(/https?:|\*/);
});

test("a request to another origin is blocked by the policy, and never arrives", async () => {
  const arrived: string[] = [];
  const elsewhere = createServer((request, response) => {
    arrived.push(request.url ?? "");
    response.writeHead(200, { "Access-Control-Allow-Origin": "*" }).end();
  });
  await new Promise<void>((resolve) => elsewhere.listen(0, "127.0.0.1", resolve));
  const address = elsewhere.address() as AddressInfo;
  const { page, context } = await lab.visit(quiet);
  const blocked = await page.evaluate(async (url) => {
    const found: string[] = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => found.push(effectiveDirective));
    await fetch(`${url}/fetch`).catch(() => undefined);
    const load = (element: HTMLElement): Promise<unknown> =>
      new Promise((resolve) => {
        element.onerror = element.onload = resolve;
        document.body.append(element);
      });
    await load(Object.assign(document.createElement("img"), { src: `${url}/image` }));
    await load(Object.assign(document.createElement("script"), { src: `${url}/script` }));
    return found.map((directive) => directive.replace(/-elem$/, "")).sort();
  }, `http://127.0.0.1:${address.port}`);
  expect(blocked).toEqual(expect.arrayContaining(["connect-src", "img-src", "script-src"]));
  expect(arrived).toEqual([]);
  await context.close();
  elsewhere.close();
});

test("every document carries the policy itself, for hosts that send no headers", async () => {
  for (const { name } of contents.slice(1)) {
    const text = await (await fetch(`${lab.origin}/${name}.html`)).text();
    expect(text).toMatch(/<meta http-equiv="Content-Security-Policy" content="default-src 'none'/);
  }
});

test("the switch for light and dark wins over the system and survives a reload", async () => {
  const { page, context } = await lab.visit(quiet, { colorScheme: "light" });
  const light = await paper(page);
  await page.getByRole("button", { name: "Switch to dark colors" }).click();
  const dark = await paper(page);
  expect(dark).not.toBe(light);
  await page.reload();
  await page.getByRole("button", { name: "Switch to light colors" }).waitFor();
  expect(await paper(page)).toBe(dark);
  await context.close();
});

/** One visit per screen, in the order of these tests. */
describe.each([
  ["on a desk", { viewport: desktop }],
  ["on a phone", { viewport: phone, hasTouch: true }],
] as const)("%s", (_, screen) => {
  let visit: Visit;
  /** What was asked for until the page answered, before anyone scrolled. */
  let first: string[];
  beforeAll(async () => {
    visit = await ready(await lab.visit("", { serviceWorkers: "allow", ...screen }));
    await visit.page.locator('.task[data-phase="done"]').first().waitFor();
    first = [...visit.requests];
    await settled(visit.page);
  });
  afterAll(() => visit.context.close());

  test("the first visit loads at most 300 kB compressed, wasm and data apart, and no editor", async () => {
    const urls = new Set(
      first.filter((url) => url.startsWith("http") && !/\.(safetensors|wasm)(#|$)|tokens-/.test(url)),
    );
    const loaded = await Promise.all(
      [...urls].map(async (url) => {
        const body = Buffer.from(await (await fetch(url)).arrayBuffer());
        return { url, size: url.endsWith(".woff2") ? body.length : gzipSync(body).length };
      }),
    );
    expect(loaded.some(({ url }) => url.endsWith(".js"))).toBe(true);
    expect(loaded.some(({ url }) => url.includes("cell-editor"))).toBe(false);
    expect(loaded.reduce((sum, { size }) => sum + size, 0)).toBeLessThanOrEqual(300_000);
  });

  test("nothing sticks out", async () => {
    const [scroll, client] = await visit.page.evaluate(() => {
      const { scrollWidth, clientWidth } = document.documentElement;
      return [scrollWidth, clientWidth];
    });
    expect(scroll).toBe(client);
  });

  test("axe finds nothing in light colors", async () => {
    expect(await violations(visit.page)).toEqual([]);
  });

  test("a cell can be edited and the heat map read with the keyboard alone", async () => {
    const { page } = visit;
    const map = page.getByRole("application");
    await map.focus();
    const cursor = page.locator(".profile-cursor");
    const before = await cursor.innerText();
    await page.keyboard.press("ArrowLeft");
    await page.waitForFunction(
      (text) => document.querySelector(".profile-cursor")?.textContent?.trim() !== text,
      before,
    );
    await page.keyboard.press("+");
    await page.locator(".heatmap-stage[data-zoomed]").waitFor();
    await page.keyboard.press("0");
    await page.locator(".heatmap-stage:not([data-zoomed])").waitFor();

    await page
      .locator("lab-cell", { has: page.locator(".numbers") })
      .locator(".cell-edit")
      .focus();
    await page.keyboard.press("Enter");
    await page.locator("cell-editor .cm-content").waitFor();
    await page.keyboard.press("Control+End");
    await page.keyboard.type(' display("typed");');
    await page.keyboard.press("Shift+Enter");
    await page
      .locator("lab-cell", { has: page.locator("cell-editor") })
      .getByText("typed")
      .first()
      .waitFor();
    await page.keyboard.press("Escape");
    await page.waitForFunction(() => document.querySelector("cell-editor") === null);
    expect(await page.evaluate(() => document.activeElement?.className)).toBe("cell-edit");
  });

  test("axe finds nothing with everything opened that can be, in light and in dark colors", async () => {
    const { page } = visit;
    await page.locator(".status summary").click();
    await page.getByRole("button", { name: "Code" }).click();
    await page.getByRole("button", { name: "Show as table" }).first().click();
    await page.locator("lab-cell .cell-edit").nth(3).click();
    await page.locator("cell-editor").waitFor();
    expect(await violations(page)).toEqual([]);
    const light = await paper(page);
    await page.emulateMedia({ colorScheme: "dark" });
    await page.locator('html[data-appearance="dark"]').waitFor();
    expect(await paper(page)).not.toBe(light);
    expect(await colorViolations(page)).toEqual([]);
  });

  test("no request leaves the page's origin, and nothing is reported on the console", async () => {
    const { requests, errors } = visit;
    const elsewhere = lab.elsewhere(requests);
    expect(requests.length).toBeGreaterThan(5);
    expect(elsewhere).toEqual([]);
    expect(errors).toEqual([]);
  });
});
