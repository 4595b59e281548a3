/** A second engine: the notebook renders, computes and follows its controls in Firefox. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { contents } from "../../web/lab/contents.js";
import { keyNumber, Lab, nextKeyNumber, ready, rewriteCell, save, settled, shared } from "./support/lab.js";
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

test("Firefox: a cell is edited, every export is taken away, the link comes back with the edit, cancel stops", async () => {
  const { page, context, errors } = await ready(await lab.visit("#k=7&head=4"));
  await settled(page);
  await rewriteCell(page, ".numbers", (source) => source.replace("change of the output", "shift of the output"));
  await page.getByText("shift of the output").waitFor();

  const title = "Error of the output against the entries kept";
  const begins: Record<string, RegExp> = {
    CSV: /^k,estimator,error,dropped\r\n/,
    JSON: /^\{/,
    SVG: /^<svg/,
    PNG: /^.PNG/,
  };
  for (const [format, beginning] of Object.entries(begins)) {
    const { name, bytes } = await save(page, `Save "${title}" as ${format}`);
    expect(name).toBe(`output-error.${format.toLowerCase()}`);
    expect(bytes.toString("latin1")).toMatch(beginning);
  }

  const link = await shared(page);
  expect(link).toMatch(/#k=7&head=4&code=[\w-]+$/);
  await rewriteCell(page, ".task:has-text('Simulating')", (source) =>
    source.replace("d,", "d, rows: 65536,").replace("i + 6", "i + 9"),
  );
  await page.locator('.task[data-phase="running"]', { hasText: "Simulating" }).waitFor();
  await page.locator(".task", { hasText: "Simulating" }).getByRole("button", { name: "Cancel" }).click();
  await page.locator('.task[data-phase="cancelled"]', { hasText: "Simulating" }).waitFor();
  expect(errors).toEqual([]);
  await context.close();

  const again = await lab.visit(link.slice(lab.origin.length + 1));
  await again.page.getByText("Run code from elsewhere?").waitFor();
  expect(await again.page.getByText("shift of the output", { exact: true }).count()).toBe(0);
  await again.page.getByRole("button", { name: "Run it", exact: true }).click();
  await again.page.locator(".numbers dt", { hasText: "shift of the output" }).waitFor();
  expect(await again.page.getByLabel("k, entries kept", { exact: true }).inputValue()).toBe("7");
  await again.context.close();
});
