/** The notebook of study E21: its tables are there at once, it says what does not hold, and a reader can run a part. */
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import type { AxeResults } from "axe-core";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Lab, phone } from "./support/lab.js";

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

test("the committed tables are shown, their claims decided, and the model is not fetched unasked", async () => {
  const { page, context, requests, errors } = await lab.visit("what-attention-costs-a-model.html", {
    colorScheme: "dark",
  });
  await page.getByText("28 million parameters, made for this page").waitFor();
  await page.waitForFunction(() => document.querySelectorAll("lab-figure svg").length >= 5);
  expect(await page.locator(".cell-failure").allInnerTexts()).toEqual([]);
  const claims = page.locator(".claims li");
  expect(await claims.count()).toBe(9);
  expect(await page.locator('.claims li[data-state="open"], .claims li[data-run="here"]').count()).toBe(0);
  await page.getByText("This stands in for that and does not replace it").waitFor();

  // The table of a figure holds the numbers of the committed file.
  await page.getByText("The Valley of Fear", { exact: true }).first().click();
  const figure = page.locator("lab-figure", { hasText: "What k = 8 costs, by estimator" });
  await figure.getByRole("button", { name: "Show as table" }).click();
  await figure.locator("td", { hasText: "0.008194" }).first().waitFor();
  const csv = await readFile(new URL("../studies/results/E21-loss.csv", import.meta.url), "utf8");
  expect(csv).toContain("doyle-valley-of-fear,4096,k=8,linear,3.225394,0.008193928");

  await page.evaluate(await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8"));
  const results = await page.evaluate(() =>
    (globalThis as unknown as { axe: { run(): Promise<AxeResults> } }).axe.run(),
  );
  expect(
    results.violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`)),
  ).toEqual([]);
  await page.setViewportSize(phone);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(phone.width);
  expect(requests.filter((url) => url.includes("safetensors"))).toEqual([]);
  expect(lab.elsewhere(requests)).toEqual([]);
  expect(errors).toEqual([]);
  await context.close();
});

test("a part of it runs here, with the model on the device, and can be cancelled", async () => {
  const { page, context, errors } = await lab.visit("what-attention-costs-a-model.html");
  await page.getByRole("button", { name: /Load the model/ }).click();
  await page.getByRole("button", { name: "Run the study on short texts" }).click();
  await page.locator("lab-figure", { hasText: "measured here" }).locator("svg").waitFor();
  const scoring = page.locator("lab-task", { hasText: "Scoring two novels" });
  await scoring.getByRole("button", { name: "Cancel" }).click();
  await scoring.getByText("cancelled; what was found so far is shown").waitFor();
  for (const name of ["Looking for numbers", "Fitting α and C"]) {
    await page.locator("lab-task", { hasText: name }).getByRole("button", { name: "Cancel" }).click();
  }
  await page.locator('.task[data-phase="running"]').waitFor({ state: "detached" });
  expect(await page.locator(".cell-failure").allInnerTexts()).toEqual([]);
  expect(errors).toEqual([]);
  await context.close();
});
