/** The benchmark page in Chromium, at a size that measures nothing but shows that everything works. */
import type { Page } from "playwright";
import { afterAll, beforeAll, expect, test } from "vitest";
import { colorViolations, violations } from "./support/axe.js";
import { Lab } from "./support/lab.js";

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

const tiny =
  "operations=exact&arithmetic=relaxed&threads=1&beside=plain&n=64&cache=256&heads=1&headDim=32&causal=0&k=8&seconds=0.1&seed=3";

const state = (page: Page): Promise<string | null> => page.locator(".bench-progress").getAttribute("data-state");
const ended = (page: Page): Promise<unknown> =>
  page.locator('.bench-progress:not([data-state="running"])').waitFor({ state: "attached" });
const press = (page: Page, name: string): Promise<void> => page.getByRole("button", { name, exact: true }).click();

/** What a browser does when another tab comes to the front; headless pages are always visible. */
const look = (page: Page, visibility: "visible" | "hidden"): Promise<void> =>
  page.evaluate((value) => {
    Object.defineProperty(document, "visibilityState", { value, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
  }, visibility);

test("a visitor measures, takes the numbers along, repeats the run by its link, aborts, and never measures unseen", async () => {
  const { page, context, errors, requests } = await lab.visit(`benchmark.html#${tiny}`);
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  const text = await (await fetch(`${lab.origin}/benchmark.html`)).text();
  // Stricter than the notebooks': nobody writes code here.
  expect(text).toContain("script-src 'self' 'wasm-unsafe-eval';");

  await press(page, "Run");
  await ended(page);
  expect(await state(page)).toBe("done");
  const cell = async (row: string, column: string): Promise<string> =>
    page
      .locator("tr", { has: page.getByRole("rowheader", { name: row, exact: true }) })
      .locator(`[data-column="${column}"]`)
      .innerText();
  for (const row of ["heed", "plain JavaScript"]) {
    const median = Number(await cell(row, "median ms"));
    const [low, high] = (await cell(row, "95 % interval")).split(" – ").map(Number) as [number, number];
    expect(low).toBeLessThanOrEqual(median);
    expect(median).toBeLessThanOrEqual(high);
    expect(low).toBeGreaterThan(0);
    expect(Number(await cell(row, "error"))).toBeLessThan(1e-5);
  }
  expect(await cell("plain JavaScript", "against heed")).toMatch(/^heed [\d.]+x$/);
  await page.locator("lab-figure svg").waitFor();
  await expect.poll(() => page.workers().length).toBe(0);
  expect(await violations(page)).toEqual([]);
  await page.emulateMedia({ colorScheme: "dark" });
  expect(await colorViolations(page)).toEqual([]);

  await press(page, "Copy as JSON");
  await page.getByText("JSON copied").waitFor();
  const report = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  expect(report).toMatchObject({
    schema: 1,
    complete: true,
    settings: { n: 64, seed: 3 },
    environment: { isolated: true },
  });
  expect(report.tables[0].rows[0]).toMatchObject({ candidate: "heed", verdict: "right", variant: "relaxed" });
  expect(report.roofs[0].peak).toBeGreaterThan(0);
  expect(report.link).toBe(`${lab.origin}/benchmark.html#${tiny}`);

  const again = await context.newPage();
  await again.goto(report.link);
  await again.getByText("These are the settings of a link.").waitFor();
  expect(await again.locator("select[name=n]").inputValue()).toBe("64");
  expect(await again.getByRole("checkbox", { name: "Top-k attention" }).isChecked()).toBe(false);
  await again.close();

  await press(page, "Run");
  await page.locator(".bench-table").waitFor();
  await press(page, "Abort");
  await ended(page);
  expect(await state(page)).toBe("aborted");
  await expect.poll(() => page.workers().length).toBe(0);
  await page.getByRole("alert").getByText("Aborted.").waitFor();

  await press(page, "Run");
  await page.locator(".bench-table").waitFor();
  await look(page, "hidden");
  await ended(page);
  expect(await state(page)).toBe("refused");
  await page.getByText("The tab was hidden during the run.").waitFor();
  expect(await page.locator(".bench-table").count()).toBe(0);
  await press(page, "Run");
  await page.getByText("This tab is hidden.").waitFor();
  await expect.poll(() => page.workers().length).toBe(0);

  expect(lab.elsewhere(requests)).toEqual([]);
  expect(errors).toEqual([]);
  await context.close();
});
