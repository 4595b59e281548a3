/** Cells come and go; notebooks leave as links and files, and come back only after asking. */
import { readFile } from "node:fs/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { pack } from "../../web/lab/framework/packed.js";
import { Lab, ready, rewriteCell, shared, type Visit } from "./support/lab.js";

let lab: Lab;
beforeAll(async () => {
  lab = await Lab.open();
});
afterAll(() => lab.close());

const notebookOf = (...cells: string[]): string =>
  `<!doctype html><notebook><title>From elsewhere</title>${cells.join("")}</notebook>`;
const code = (id: number, text: string): string => `<script id="${id}" type="module" pinned>${text}</script>`;
const prose = (id: number, text: string): string => `<script id="${id}" type="text/markdown">${text}</script>`;

test("a link holds parameters alone while no cell was changed, and the edited cells once one was", async () => {
  const { page, context } = await ready(await lab.visit("#k=7&head=4"));
  expect(await shared(page)).toBe(`${lab.origin}/#k=7&head=4`);
  await rewriteCell(page, ".numbers", (source) => source.replace("change of the output", "shift of the output"));
  await page.locator(".numbers dt", { hasText: "shift of the output" }).waitFor();
  const link = await shared(page);
  expect(link).toMatch(/#k=7&head=4&code=[\w-]+$/);
  await context.close();

  const again = await lab.visit(link.slice(lab.origin.length + 1));
  await again.page.getByText("Run code from elsewhere?").waitFor();
  await again.page.getByText("Read the code first").click();
  expect(await again.page.getByRole("region", { name: "Code that would run" }).innerText()).toContain(
    "shift of the output",
  );
  expect(await again.page.getByText("shift of the output", { exact: true }).count()).toBe(0);
  await again.page.getByRole("button", { name: "Run it", exact: true }).click();
  await again.page.locator(".numbers dt", { hasText: "shift of the output" }).waitFor();
  expect(await again.page.getByLabel("k, entries kept", { exact: true }).inputValue()).toBe("7");
  await again.page.getByRole("button", { name: "Reset" }).click();
  await again.page.locator(".numbers dt", { hasText: "change of the output" }).waitFor();
  expect(new URL(again.page.url()).hash).toBe("");
  await again.context.close();
});

/** One visit, in the order of these tests: the last one leaves another notebook behind. */
describe("a page whose reader is offered code", () => {
  const damaged = "AAAA";
  let visit: Visit;
  beforeAll(async () => {
    visit = await lab.visit(`when-assumptions-break.html#code=${damaged}`);
  });
  afterAll(() => visit.context.close());

  const follow = (packed: string): Promise<void> =>
    visit.page.evaluate((code) => void (location.hash = `#code=${code}`), packed);

  test("a link that is damaged or unfolds to too much says so, and the page's own notebook is there", async () => {
    const { page, errors } = visit;
    const noted = async (words: string): Promise<void> => {
      await page.locator(".notice", { hasText: words }).waitFor();
      await page.getByRole("heading", { name: "When assumptions break" }).waitFor();
    };
    await noted("damaged");
    for (const [packed, words] of [
      [await pack("x".repeat(2 ** 20 + 1)), "more than 1048576 bytes"],
      [await pack("no notebook"), "holds no <notebook>"],
    ] as const) {
      await follow(packed);
      await noted(words);
    }
    expect(errors).toEqual([]);
  });

  test("code in a link does not run unless the reader says so", async () => {
    const { page } = visit;
    await follow(await pack(notebookOf(code(1, "globalThis.ran = true"), prose(2, "# Hello"))));
    await page.getByText("Run code from elsewhere?").waitFor();
    await page.keyboard.press("Escape");
    await page.getByText("Run code from elsewhere?").waitFor({ state: "detached" });
    await page.getByRole("heading", { name: "When assumptions break" }).waitFor();
    expect(await page.evaluate(() => (globalThis as { ran?: boolean }).ran)).toBeUndefined();
  });

  test("cells can be added, moved, deleted and brought back, and the download holds them in their order", async () => {
    const { page } = visit;
    await page.locator("lab-figure").first().waitFor();
    await rewriteCell(page, "h1", (source) => source);
    await page.getByRole("button", { name: "Add below" }).click();
    const added = page.locator("lab-cell").nth(1);
    await added.locator(".cm-content").focus();
    await page.keyboard.insertText("const mine = 41; display(`mine ${mine + 1}`)");
    await page.keyboard.press("Shift+Enter");
    await added.getByText("mine 42").waitFor();
    await added.getByRole("button", { name: "Move down" }).click();
    await page.locator("lab-cell").nth(2).getByText("mine 42").waitFor();
    await page.locator("lab-cell").nth(2).getByRole("button", { name: "Delete" }).click();
    await page.getByText("is deleted.").waitFor();
    expect(await page.getByText("mine 42").count()).toBe(0);
    await page.getByRole("button", { name: "Undo" }).click();
    await page.locator("lab-cell").nth(2).getByText("mine 42").waitFor();
    const [download] = await Promise.all([
      page.waitForEvent("download"),
      page.getByRole("button", { name: "Download" }).click(),
    ]);
    const text = await readFile(await download.path(), "utf8");
    expect(text.indexOf("One assumption at a time")).toBeLessThan(text.indexOf("const mine"));
    expect(text.indexOf("const mine")).toBeLessThan(text.indexOf("violationKinds.map"));
  });

  test("an opened file asks too; its Markdown is stripped of what is no text", async () => {
    const markdown =
      "# Hi\n\n<img src=x onerror='globalThis.ran=1'><iframe src='/'></iframe>[a](javascript:alert(1)) <b id=heed>bold</b> ${1 + 1}";
    const { page } = visit;
    await page
      .locator("input[type=file]")
      .first()
      .setInputFiles({
        name: "other.html",
        mimeType: "text/html",
        buffer: Buffer.from(notebookOf(prose(1, markdown), code(2, "display(`sum ${20 + 22}`)"))),
      });
    await page.getByText("other.html").waitFor();
    await page.getByRole("button", { name: "Run it", exact: true }).click();
    await page.getByText("sum 42").waitFor();
    await page.getByRole("heading", { name: "Hi" }).waitFor();
    expect(await page.locator("lab-cell iframe, lab-cell [onerror], lab-cell a[href^=javascript], #heed").count()).toBe(
      0,
    );
    expect(await page.locator("lab-cell b").innerText()).toBe("bold");
    expect(await page.evaluate(() => (globalThis as { ran?: number }).ran)).toBeUndefined();
  });
});
