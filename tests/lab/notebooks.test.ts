/** Every notebook: it renders, decides its claims, is usable by everyone, and asks nobody else for anything. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { contents } from "../../web/lab/contents.js";
import { violations } from "./support/axe.js";
import { Lab, phone, ready, settled } from "./support/lab.js";

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

/** The essay has tests of its own (page.test.ts), and so have those that load a model (device.test.ts, study.test.ts). */
test.each(
  contents
    .slice(1)
    .filter(({ model }) => !model)
    .map(({ name, title }) => [title, name]),
)("%s", async (title, name) => {
  const { page, context, requests, errors } = await lab.visit(`${name}.html`, { colorScheme: "dark" });
  await settled(page, 1);
  await page.waitForFunction(() => document.querySelectorAll("lab-figure svg").length >= 1);
  expect(await page.locator("h1").innerText()).toBe(title);
  expect(await page.locator(".cell-failure").allInnerTexts()).toEqual([]);
  await page.waitForFunction(() => document.querySelector('.claims li[data-state="open"]') === null);
  expect(await page.locator('.claims li[data-run="here"]').count()).toBeGreaterThan(2);
  expect(await violations(page)).toEqual([]);
  await page.setViewportSize(phone);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(phone.width);
  expect(lab.elsewhere(requests)).toEqual([]);
  expect(errors).toEqual([]);
  await context.close();
});

test("the list of notebooks leads from one to another, with the keyboard", async () => {
  const { page, context } = await ready(await lab.visit());
  await page.getByRole("button", { name: "Notebooks" }).focus();
  await page.keyboard.press("Enter");
  await page.locator("#contents a", { hasText: "R of a model" }).waitFor();
  await page.locator("#contents a", { hasText: "R of a model" }).press("Enter");
  await page.getByRole("heading", { name: "R of a model", level: 1 }).waitFor();
  expect(await page.locator('.next a[aria-current="page"]').innerText()).toContain("R of a model");
  await context.close();
});

test("a model that is dropped is read here: every head has its R", async () => {
  const { page, context } = await lab.visit("r-of-a-model.html");
  const file = new URL("../../web/lab/assets/heads/", import.meta.url).pathname;
  await page.getByLabel("A model").setInputFiles([`${file}tiny-llama-16k.safetensors`, `${file}config.json`]);
  await page.getByText("tiny-llama-16k.safetensors: 3 layers of 8 heads").waitFor();
  await settled(page, 1);
  await page.locator("lab-figure").first().getByRole("button", { name: "Show as table" }).click();
  expect(await page.locator("lab-figure").first().locator("tbody tr").count()).toBe(24);
  await context.close();
});

test("without a network, a page that was open opens again and every part of it works", async () => {
  const { page, context } = await ready(await lab.visit("", { serviceWorkers: "allow" }));
  await page.locator('html[data-offline="ready"]').waitFor();
  await context.setOffline(true);
  // What was never used before: another layer, and the editor.
  await page.getByRole("group", { name: "Layer" }).getByText("6", { exact: true }).click();
  await page.getByText("Where head 2 of layer 6 looks").waitFor();
  await page.locator("lab-cell .cell-edit").nth(2).click();
  await page.locator("cell-editor .cm-content").waitFor();
  await page.goto(`${lab.origin}/three-ways-to-collapse.html`);
  await settled(page, 4);
  expect(await page.locator(".cell-failure").count()).toBe(0);
  await page.locator("lab-cell .cell-edit").nth(3).click();
  await page.locator("cell-editor .cm-content").waitFor();
  expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
  await context.close();
});
