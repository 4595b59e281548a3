/** Every figure can be taken away, and what is taken away is what was shown. */
import { afterAll, beforeAll, expect, test } from "vitest";
import { save } from "./support/files.js";
import { Lab, rewriteCell, settled, type Visit } from "./support/lab.js";

let lab: Lab;
let visit: Visit;
beforeAll(async () => {
  lab = await Lab.open();
  visit = await lab.visit("#k=16");
  await settled(visit.page);
});
afterAll(() => lab.close());

const title = "Error of the output against the entries kept";

test("CSV holds one line per row of the figure, with every digit", async () => {
  const { name, bytes } = await save(visit.page, `Save "${title}" as CSV`);
  expect(name).toBe("output-error.csv");
  const [header, ...lines] = bytes.toString().trimEnd().split("\r\n");
  expect(header).toBe("k,estimator,error,dropped");
  expect(lines).toHaveLength(11 * 4);
  for (const line of lines) {
    const [k, estimator, error, dropped] = line.split(",");
    expect(["renormalized", "raw", "compensated", "linear"]).toContain(estimator);
    expect(Number(k)).toBeGreaterThanOrEqual(1);
    expect(Number(error)).toBeGreaterThan(0);
    expect(Number(dropped)).toBeGreaterThan(0);
  }
});

test("JSON holds the same rows and where they come from", async () => {
  const { bytes } = await save(visit.page, `Save "${title}" as JSON`);
  const report = JSON.parse(bytes.toString()) as Record<string, unknown> & { rows: unknown[] };
  expect(report.rows).toHaveLength(44);
  expect(report).toMatchObject({ title, columns: ["k", "estimator", "error", "dropped"], parameters: { k: "16" } });
  expect(report["variant"]).toContain("threads");
  expect(report["heed"]).toMatch(/^\d+\.\d+\.\d+/);
});

test.each([title, "Where head 2 of layer 3 looks", "Time for one layer"])("SVG of %s stands alone", async (figure) => {
  const { name, bytes } = await save(visit.page, `Save "${figure}" as SVG`);
  const text = bytes.toString();
  expect(name).toMatch(/\.svg$/);
  expect(text).toMatch(/^<svg[^>]*xmlns="http:\/\/www\.w3\.org\/2000\/svg"/);
  expect(text).not.toContain("var(--");
  expect(text).not.toContain("currentColor");
  const problem = await visit.page.evaluate(
    (source) => new DOMParser().parseFromString(source, "image/svg+xml").querySelector("parsererror")?.textContent,
    text,
  );
  expect(problem).toBeUndefined();
});

test.each([title, "Where head 2 of layer 3 looks"])("PNG of %s is a picture with something on it", async (figure) => {
  const { name, bytes } = await save(visit.page, `Save "${figure}" as PNG`);
  expect(name).toMatch(/\.png$/);
  expect(bytes.subarray(1, 4).toString()).toBe("PNG");
  expect(bytes.readUInt32BE(16)).toBeGreaterThan(900);
  const colors = await visit.page.evaluate(async (data) => {
    const bytes = Uint8Array.from(atob(data), (character) => character.charCodeAt(0));
    const image = await createImageBitmap(new Blob([bytes], { type: "image/png" }));
    const canvas = new OffscreenCanvas(image.width, image.height);
    const context = canvas.getContext("2d")!;
    context.drawImage(image, 0, 0);
    return new Set(new Uint32Array(context.getImageData(0, 0, image.width, image.height).data.buffer)).size;
  }, bytes.toString("base64"));
  expect(colors).toBeGreaterThan(20);
});

test("a figure can be read as a table", async () => {
  const { page } = visit;
  const figure = page.locator("lab-figure", { hasText: title });
  await figure.getByRole("button", { name: "Show as table" }).click();
  expect(await figure.locator("thead th").allInnerTexts()).toEqual(["k", "estimator", "error", "dropped"]);
  expect(await figure.locator("tbody tr").count()).toBe(44);
  await figure.getByRole("button", { name: "Show figure" }).click();
  expect(await figure.locator("svg").first().isVisible()).toBe(true);
});

test("the notebook can be downloaded with its edits, in the open format", async () => {
  const { page } = visit;
  await rewriteCell(page, ".numbers", (source) => `// my remark\n${source}`);
  await page.locator(".numbers dd").first().waitFor();
  const { name, bytes } = await save(page, "Download");
  expect(name).toBe("how-sparse-is-attention.html");
  const text = bytes.toString();
  expect(text).toMatch(/^<!doctype html>\s*<notebook/);
  expect(text).toContain("// my remark");
  expect(text.match(/<script /g)).toHaveLength(23);
});
