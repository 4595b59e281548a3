/** A second engine: the notebook renders, computes and follows its controls in Firefox. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { contents } from "../../web/lab/contents.js";
import { keyNumber, Lab, nextKeyNumber, ready, settled } from "./support/lab.js";
import { meanDropped } from "./support/oracle.js";

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open("firefox");
});
afterAll(() => lab.close());

test("Firefox: the notebook renders, the slider changes the numbers, and the console stays empty", async () => {
  const { page, context, requests, errors } = await ready(await lab.visit("#layer=6&head=3&k=8"));
  await page.waitForFunction(() => document.querySelectorAll("lab-figure svg, lab-figure canvas").length >= 3);
  const before = await keyNumber(page, "attention dropped");
  // Reduction family: shares are sums of at most 2048 f32 numbers of size at most 1, far below 1e-4.
  expect(before).toBeCloseTo(meanDropped(6, 3, [8])[8]!, 4);

  await page.getByLabel("k, entries kept, slider").focus();
  await page.keyboard.press("End");
  const after = await nextKeyNumber(page, "attention dropped", before);
  expect(await page.getByLabel("k, entries kept", { exact: true }).inputValue()).toBe("1024");
  expect(after).toBeLessThan(before);

  expect(await page.locator(".cell-failure").count()).toBe(0);
  expect(requests.length).toBeGreaterThan(5);
  expect(errors).toEqual([]);
  await context.close();
});

test.each(
  contents
    .slice(1)
    .filter(({ model }) => !model)
    .map(({ name, title }) => [title, name]),
)("Firefox: %s", async (title, name) => {
  const { page, context, requests, errors } = await lab.visit(`${name}.html`);
  await settled(page, 1);
  await page.waitForFunction(() => document.querySelectorAll("lab-figure svg").length >= 1);
  expect(await page.locator("h1").innerText()).toBe(title);
  expect(await page.locator(".cell-failure").allInnerTexts()).toEqual([]);
  await page.waitForFunction(() => document.querySelector('.claims li[data-state="open"]') === null);
  expect(requests.filter((url) => !url.startsWith(`${lab.origin}/`) && !/^(blob|data):/.test(url))).toEqual([]);
  expect(errors).toEqual([]);
  await context.close();
});
