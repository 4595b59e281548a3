/** The notebook as a reader uses it: controls, cells, errors, links, cancelling. */
import type { Locator, Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { keyNumber, Lab, nextKeyNumber, ready, rewriteCell, settled, type Visit } from "./support/lab.js";
import { meanDropped } from "./support/oracle.js";

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

const dropped = "attention dropped";

const openCell = (page: Page): Locator => page.locator("lab-cell", { has: page.locator("cell-editor") });

/** Takes back the edit of the one open cell, and closes it. */
async function mend(page: Page): Promise<void> {
  const cell = openCell(page);
  await cell.getByRole("button", { name: "Revert" }).click();
  await cell.getByRole("button", { name: "Close" }).click();
}

/** One visit, in the order of these tests: each starts from what the one before has left. */
describe("the controls", () => {
  let visit: Visit;
  beforeAll(async () => {
    visit = await ready(await lab.visit("#layer=6&head=3&k=64&rule=law&alpha=2&C=0.5"));
  });
  afterAll(() => visit.context.close());
  const k = (): Locator => visit.page.getByLabel("k, entries kept", { exact: true });

  test("the window law keeps ceil(alpha n^C) entries of a row", async () => {
    const expected = Array.from({ length: 2048 }, (_, i) => Math.min(i + 1, Math.ceil(2 * Math.sqrt(i + 1) - 1e-9)));
    expect(await keyNumber(visit.page, "kept per row")).toBeCloseTo(expected.reduce((a, b) => a + b) / 2048, 6);
  });

  test("changing k changes the numbers, and both are what plain loops in double compute", async () => {
    const { page } = visit;
    const ofLaw = await keyNumber(page, dropped);
    await page.getByLabel("the same k in every row").check();
    const before = await nextKeyNumber(page, dropped, ofLaw);
    expect(await k().inputValue()).toBe("64");
    const expected = meanDropped(6, 3, [8, 64]);
    // Reduction family: shares are sums of at most 2048 f32 numbers of size at most 1, far below 1e-4.
    expect(before).toBeCloseTo(expected[64]!, 4);
    await k().fill("8");
    const after = await nextKeyNumber(page, dropped, before);
    expect(after).toBeCloseTo(expected[8]!, 4);
    expect(after).toBeGreaterThan(before);
  });

  test("the slider moves the same value", async () => {
    const { page } = visit;
    const before = await keyNumber(page, "kept per row");
    await page.getByLabel("k, entries kept, slider").focus();
    await page.keyboard.press("End");
    await nextKeyNumber(page, "kept per row", before);
    expect(await k().inputValue()).toBe("1024");
  });

  test("a link in the text leads to another head, and back to the defaults of the rest", async () => {
    const { page } = visit;
    await page.getByRole("link", { name: "the word just before" }).click();
    await page.getByText("Where head 1 of layer 3 looks").waitFor();
    expect(await k().inputValue()).toBe("32");
  });

  test("parameters go into the address and come back from it", async () => {
    const { page } = visit;
    await page.getByRole("group", { name: "Head" }).getByText("5", { exact: true }).click();
    await k().fill("77");
    await page.waitForFunction(() => location.hash.includes("k=77") && location.hash.includes("head=5"));
    await page.reload();
    await page.getByText("Where head 5 of layer 3 looks").waitFor();
    expect(await k().inputValue()).toBe("77");
  });
});

test("nonsense in the address is kept out", async () => {
  const hash = "#layer=99&head=%3Cimg%20src%3Dx%20onerror%3Dalert(1)%3E&k=1e999&variant=toString&threads=-3";
  const { page, context, errors } = await ready(await lab.visit(hash));
  await page.getByText("Where head 2 of layer 3 looks").waitFor();
  expect(await page.getByLabel("k, entries kept", { exact: true }).inputValue()).toBe("32");
  expect(await page.locator("main img").count()).toBe(0);
  expect(errors).toEqual([]);
  await context.close();
});

/** One visit, in the order of these tests: each leaves the cells as they were, the last two start the page over. */
describe("a visit of some length", () => {
  let visit: Visit;
  beforeAll(async () => {
    visit = await ready(await lab.visit("#layer=6&k=5"));
    await settled(visit.page);
  });
  afterAll(() => visit.context.close());

  test("every claim of the page is decided, and the certain ones hold", async () => {
    const { page } = visit;
    await page.waitForFunction(() => document.querySelectorAll(".claims li").length === 7);
    await page.waitForFunction(() => document.querySelector('.claims li[data-state="open"]') === null);
    expect(await page.locator('.claims li[data-state="fails"]').allInnerTexts()).toEqual([]);
  });

  test("a claim that holds for one head is taken back for a head where it does not", async () => {
    const { page } = visit;
    const claim = page.locator(".claims li", { hasText: "k = 8 with the linear tail" });
    expect(await claim.getAttribute("data-state")).toBe("holds");
    await page.getByRole("group", { name: "Head" }).getByText("5", { exact: true }).click();
    await page.locator('.claims li[data-state="fails"]', { hasText: "k = 8 with the linear tail" }).waitFor();
    expect(await claim.innerText()).toContain("does not hold here");
  });

  test("an edited cell runs, and what depends on it follows", async () => {
    const { page } = visit;
    await rewriteCell(page, ".numbers", (source) =>
      source.replace("text: percent(summary.error)", 'text: "edited: " + percent(summary.error)'),
    );
    await page.locator(".numbers dd", { hasText: "edited:" }).waitFor();
    // The edited cell is still part of the dataflow.
    const before = await keyNumber(page, dropped);
    await page.getByLabel("k, entries kept", { exact: true }).fill("3");
    await nextKeyNumber(page, dropped, before);
    expect(await page.locator(".numbers dd", { hasText: "edited:" }).count()).toBe(1);
    await mend(page);
  });

  test("an error stays in its cell, which can be mended", async () => {
    const { page } = visit;
    const mistakes = [
      ["const = 3", "Unexpected token"],
      ['throw new Error("on purpose")', "on purpose"],
      ["const summary = nowhere + 1", "nowhere is not defined"],
      ["const summary = await heed.attend(q, k, v, {...shape, heads: 3})", "shape-mismatch"],
    ] as const;
    for (const [source, message] of mistakes) {
      await rewriteCell(page, ".numbers", () => source);
      await openCell(page).locator(".cell-failure", { hasText: message }).waitFor();
      expect(await page.locator("lab-figure").count()).toBeGreaterThan(1);
      await mend(page);
      await page.locator(".numbers dd").first().waitFor();
      await page.waitForFunction(() => document.querySelector(".cell-failure") === null);
    }
  });

  test("a cell that lacked a name shows its result when another cell defines it again", async () => {
    const { page } = visit;
    await rewriteCell(page, ".task:has-text('Trying every k')", () => 'throw new Error("on purpose")');
    for (const name of ["drawRing", "errors"]) {
      await page
        .locator(".cell-failure", { hasText: `${name} is not defined` })
        .first()
        .waitFor();
    }
    expect(await page.locator(".numbers").count()).toBe(0);
    await mend(page);
    await page.locator(".numbers dd").first().waitFor();
    await page.locator("lab-figure", { hasText: "Attention dropped against" }).locator("svg").waitFor();
    await page.waitForFunction(() => document.querySelector(".cell-failure") === null);
  });

  test("cancel stops a simulation, and run again completes it", async () => {
    const { page } = visit;
    const task = page.locator(".task", { hasText: "Simulating" });
    // Long enough that nobody's machine is done before the button is pressed.
    await rewriteCell(page, ".task:has-text('Simulating')", (source) =>
      source.replace("d,", "d, rows: 65536,").replace("i + 6", "i + 9"),
    );
    await page.locator('.task[data-phase="running"]', { hasText: "Simulating" }).waitFor();
    const began = performance.now();
    await task.getByRole("button", { name: "Cancel" }).click();
    await page.locator('.task[data-phase="cancelled"]', { hasText: "Simulating" }).waitFor();
    expect(performance.now() - began).toBeLessThan(5000);
    // Rows are missing, so nothing may be claimed.
    const claims = page.locator(".claims").last();
    await claims.locator('li[data-state="open"]').first().waitFor();
    expect(await claims.locator('li[data-state="holds"]').count()).toBe(0);

    await mend(page);
    await claims.locator('li[data-state="holds"]').first().waitFor();
  });

  test("reset puts cells and parameters back", async () => {
    const { page } = visit;
    await rewriteCell(page, ".numbers", () => "const summary = {}; display('gone');");
    await page.waitForFunction(() => document.querySelector(".numbers") === null);
    await page.getByRole("button", { name: "Reset" }).click();
    await page.locator(".numbers dd").first().waitFor();
    await page.getByText("Where head 2 of layer 3 looks").waitFor();
    expect(await page.getByLabel("k, entries kept", { exact: true }).inputValue()).toBe("32");
    expect(new URL(page.url()).hash).toBe("");
  });

  test("the status bar tells what runs, and its switch changes it", async () => {
    const { page } = visit;
    expect(await page.evaluate(() => crossOriginIsolated)).toBe(true);
    const cores = await page.evaluate(() => navigator.hardwareConcurrency);
    const threads = Number(await page.locator("[data-threads]").getAttribute("data-threads"));
    expect(threads).toBe(Math.min(16, cores));
    expect(await page.locator("[data-variant]").getAttribute("data-variant")).toContain("threads");

    await page.locator(".status summary").click();
    await page.getByLabel("Variant").selectOption("simd");
    await page.locator('[data-variant="simd"]').waitFor();
    expect(await page.locator("[data-threads]").getAttribute("data-threads")).toBe("1");
    await page.getByText("1 thread; switch both").waitFor();
    await page.waitForFunction(() => location.hash.includes("variant=simd"));
  });
});
