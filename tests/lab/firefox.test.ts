/** A second engine: everything that a reader does with a notebook, in Firefox. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { contents } from "../../web/lab/contents.js";
import { save } from "./support/files.js";
import {
  closeCell,
  keyNumber,
  Lab,
  nextKeyNumber,
  ready,
  rewriteCell,
  settled,
  shared,
  type Visit,
} from "./support/lab.js";
import { meanDropped } from "./support/oracle.js";

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open("firefox");
});
afterAll(() => lab.close());

test.each(contents.slice(1).map(({ title, name, model }) => [title, name, model] as const))(
  "Firefox: %s",
  async (title, name, model) => {
    const visit = await lab.visit(`${name}.html`);
    const { page, context, requests, errors } = visit;
    // What a model computes waits for the reader to load it (device.test.ts does).
    if (model) await page.getByText("28 million parameters, made for this page").waitFor();
    else await settled(page, 1);
    if (name !== "a-model-on-your-device") {
      await page.waitForFunction(() => document.querySelectorAll("lab-figure svg").length >= 1);
      await page.waitForFunction(() => document.querySelectorAll(".claims li").length >= 1);
      await page.waitForFunction(() => document.querySelector('.claims li[data-state="open"]') === null);
    }
    expect(await page.locator("h1").innerText()).toBe(title);
    expect(await page.locator(".cell-failure").allInnerTexts()).toEqual([]);
    expect(requests.length).toBeGreaterThan(5);
    expect(lab.elsewhere(requests)).toEqual([]);
    expect(errors).toEqual([]);
    await context.close();
  },
);

/** One visit, in the order of these tests. */
describe("Firefox: the essay", () => {
  const title = "Error of the output against the entries kept";
  let visit: Visit;
  let link: string;
  beforeAll(async () => {
    visit = await ready(await lab.visit("#layer=6&head=3&k=8", { serviceWorkers: "allow" }));
  });
  afterAll(() => visit.context.close());

  test("renders, and its slider changes the numbers", async () => {
    const { page } = visit;
    const before = await keyNumber(page, "attention dropped");
    // Reduction family: shares are sums of at most 2048 f32 numbers of size at most 1, far below 1e-4.
    expect(before).toBeCloseTo(meanDropped(6, 3, [8])[8]!, 4);
    await page.getByLabel("k, entries kept, slider").focus();
    await page.keyboard.press("End");
    const after = await nextKeyNumber(page, "attention dropped", before);
    expect(await page.getByLabel("k, entries kept", { exact: true }).inputValue()).toBe("1024");
    expect(after).toBeLessThan(before);
    // Only now: the budget is part of what is timed, which would be measured twice.
    await settled(page);
    await page.waitForFunction(() => document.querySelectorAll("lab-figure svg, lab-figure canvas").length >= 5);
  });

  test("an edited cell runs in its place", async () => {
    const { page } = visit;
    await rewriteCell(page, ".numbers", (source) => source.replace("change of the output", "shift of the output"));
    await page.locator(".numbers dt", { hasText: "shift of the output" }).waitFor();
    await closeCell(page);
    expect(await page.locator(".numbers dt", { hasText: "change of the output" }).count()).toBe(0);
  });

  test.each([
    ["CSV", /^k,estimator,error,dropped\r\n(?:\d+,\w+,[\d.e-]+,[\d.e-]+\r\n){44}$/],
    ["JSON", /^\{\n {2}"title": "Error of the output/],
    ["SVG", /^<svg[^>]* xmlns="http:\/\/www\.w3\.org\/2000\/svg"/],
    ["PNG", /^\x89PNG\r\n/],
  ])("a figure is saved as %s", async (format, beginning) => {
    const { name, bytes } = await save(visit.page, `Save "${title}" as ${format}`);
    expect(name).toBe(`output-error.${format.toLowerCase()}`);
    expect(bytes.toString("latin1")).toMatch(beginning);
    expect(bytes.length).toBeGreaterThan(1000);
  });

  test("the notebook is downloaded with its edit", async () => {
    const { name, bytes } = await save(visit.page, "Download");
    expect(name).toBe("how-sparse-is-attention.html");
    expect(bytes.toString()).toMatch(/^<!doctype html>\s*<notebook/);
    expect(bytes.toString()).toContain("shift of the output");
  });

  test("the link holds the parameters and the edit", async () => {
    link = await shared(visit.page);
    expect(link).toMatch(/#layer=6&head=3&k=1024&code=[\w-]+$/);
  });

  test("a simulation is cancelled", async () => {
    const { page } = visit;
    // Long enough that nobody's machine is done before the button is pressed.
    await rewriteCell(page, ".task:has-text('Simulating')", (source) =>
      source.replace("d,", "d, rows: 65536,").replace("i + 6", "i + 9"),
    );
    await page.locator('.task[data-phase="running"]', { hasText: "Simulating" }).waitFor();
    await page.locator(".task", { hasText: "Simulating" }).getByRole("button", { name: "Cancel" }).click();
    await page.locator('.task[data-phase="cancelled"]', { hasText: "Simulating" }).waitFor();
    await closeCell(page);
  });

  test("until here no cell failed, no request left the page's origin, and the console stayed empty", async () => {
    const { page, requests, errors } = visit;
    expect(await page.locator(".cell-failure").allInnerTexts()).toEqual([]);
    expect(requests.length).toBeGreaterThan(5);
    expect(lab.elsewhere(requests)).toEqual([]);
    expect(errors).toEqual([]);
  });

  test("the link opens with the edit, after asking", async () => {
    const { page, context, errors } = await lab.visit(link.slice(lab.origin.length + 1));
    await page.getByText("Run code from elsewhere?").waitFor();
    expect(await page.locator(".numbers dt", { hasText: "shift of the output" }).count()).toBe(0);
    await page.getByRole("button", { name: "Run it", exact: true }).click();
    await page.locator(".numbers dt", { hasText: "shift of the output" }).waitFor();
    expect(await page.getByLabel("k, entries kept", { exact: true }).inputValue()).toBe("1024");
    expect(errors).toEqual([]);
    await context.close();
  });
});
