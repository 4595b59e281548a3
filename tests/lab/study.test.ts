/** The notebook of study E21: its tables are there at once, it says what does not hold, and a reader can run a part. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { violations } from "./support/axe.js";
import { desktop, Lab, phone, type Visit } from "./support/lab.js";

/** One visit, in the order of these tests. */
let lab: Lab;
let visit: Visit;
beforeAll(async () => {
  lab = await Lab.open();
  visit = await lab.visit("what-attention-costs-a-model.html", { colorScheme: "dark" });
});
afterAll(() => lab.close());

test("the committed tables are shown, their claims decided, and the model is not fetched unasked", async () => {
  const { page, requests, errors } = visit;
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

  expect(await violations(page)).toEqual([]);
  await page.setViewportSize(phone);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(phone.width);
  expect(requests.filter((url) => url.includes("safetensors"))).toEqual([]);
  await page.setViewportSize(desktop);
  expect(lab.elsewhere(requests)).toEqual([]);
  expect(errors).toEqual([]);
});

test("a part of it runs here, with the model on the device, and can be cancelled", async () => {
  const { page, errors } = visit;
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
});
