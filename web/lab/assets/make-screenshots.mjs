// The pictures of the lab in the project's README, and on request one of every page:
//
//   node web/lab/assets/make-screenshots.mjs            writes web/lab/assets/screenshots/*.webp
//   node web/lab/assets/make-screenshots.mjs FOLDER     writes every page, whole, wide and narrow, light and dark
//
// It shows what `npm run build` made. The browser is the one that the lab's tests use.

import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { chromium } from "playwright";
import { preview } from "vite";

const from = (path) => fileURLToPath(new URL(path, import.meta.url));

const screens = {
  wide: { width: 1440, height: 900 },
  narrow: { width: 390, height: 844 },
  // What the README shows at half the width of its column.
  half: { width: 1120, height: 800 },
};

const names = [
  ...["how-sparse-is-attention", "three-ways-to-collapse", "how-many-entries-are-enough", "fixed-or-growing-window"],
  ...["r-of-a-model", "when-assumptions-break", "finding-the-few", "a-model-on-your-device"],
  ...["what-attention-costs-a-model", "benchmark"],
];

const server = await preview({ configFile: from("../vite.config.ts"), logLevel: "error", preview: { port: 0 } });
const origin = `http://127.0.0.1:${server.httpServer.address().port}`;
const browser = await chromium.launch({
  executablePath: process.env.HEED_CHROMIUM ?? "/usr/bin/chromium",
  args: ["--no-sandbox", "--disable-gpu"],
});

async function open(name, screen, colorScheme, hash = "") {
  const context = await browser.newContext({ viewport: screens[screen], colorScheme, reducedMotion: "reduce" });
  const page = await context.newPage();
  await page.goto(`${origin}/${name === names[0] ? "" : `${name}.html`}${hash}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  return { page, close: () => context.close() };
}

/** Everything that computes without being asked has computed. */
async function settled(page) {
  await page.waitForFunction(
    () => {
      const tasks = [...document.querySelectorAll(".task")];
      const open = tasks.find((task) => !["done", "failed", "cancelled"].includes(task.dataset.phase));
      open?.scrollIntoView();
      const cells = [...document.querySelectorAll("lab-cell .cell[data-busy]")];
      return open === undefined && cells.length === 0;
    },
    undefined,
    { timeout: 120_000 },
  );
}

async function everyPage(folder) {
  mkdirSync(folder, { recursive: true });
  for (const name of names) {
    const { page, close } = await open(name, "wide", "light");
    await settled(page);
    for (const screen of ["wide", "narrow"]) {
      await page.setViewportSize(screens[screen]);
      for (const colorScheme of ["light", "dark"]) {
        await page.emulateMedia({ colorScheme });
        // Figures are drawn anew for the width and the colors; what is computed again has to end.
        await page.waitForTimeout(500);
        await settled(page);
        await page.evaluate(() => scrollTo(0, 0));
        await page.screenshot({ path: join(folder, `${name}-${screen}-${colorScheme}.png`), fullPage: true });
      }
    }
    await close();
    console.log(name);
  }
}

/** Puts what holds the text to the top of the window, once everything has computed. */
async function lookAt(page, selector, hasText, above) {
  await settled(page);
  await page
    .locator(selector, { hasText })
    .first()
    .evaluate((element, above) => scrollTo(0, element.getBoundingClientRect().top + scrollY - above), above);
  // The map is painted in several steps.
  await page.waitForTimeout(1500);
}

/** A third of the bytes of a PNG. */
async function toWebp(png) {
  const page = await browser.newPage();
  const webp = await page.evaluate(async (base64) => {
    const image = new Image();
    image.src = `data:image/png;base64,${base64}`;
    await image.decode();
    const canvas = Object.assign(document.createElement("canvas"), { width: image.width, height: image.height });
    canvas.getContext("2d").drawImage(image, 0, 0);
    return canvas.toDataURL("image/webp", 0.9).split(",")[1];
  }, png.toString("base64"));
  await page.close();
  return Buffer.from(webp, "base64");
}

async function forReadme(folder) {
  mkdirSync(folder, { recursive: true });
  const take = async (page, name) => {
    writeFileSync(join(folder, `${name}.webp`), await toWebp(await page.screenshot()));
  };

  const essay = await open("how-sparse-is-attention", "half", "light");
  await lookAt(essay.page, "lab-cell", "kept per row", 24);
  await take(essay.page, "essay-light");
  await essay.close();

  const collapse = await open("three-ways-to-collapse", "half", "dark");
  await lookAt(collapse.page, "lab-figure", "Entries that share the attention", 110);
  await take(collapse.page, "collapse-dark");
  await collapse.close();

  const model = await open("a-model-on-your-device", "half", "light", "#read=400&write=60&n=400");
  await model.page.getByRole("button", { name: /Load the model/ }).click();
  await model.page.getByRole("button", { name: "Read and write" }).click();
  await model.page.getByText(/Both wrote the same|tokens? (are|is) the same|differ from the first/).waitFor({ timeout: 120_000 });
  await lookAt(model.page, "h2", "Let it read and write", 16);
  await take(model.page, "model-light");
  await model.close();

  const phones = [
    ["how-sparse-is-attention", "light", "lab-figure", "Where head"],
    ["how-sparse-is-attention", "dark", "lab-figure", "Error of the output"],
    ["finding-the-few", "light", "lab-figure", "Dropped attention"],
  ];
  const pictures = [];
  for (const [name, colorScheme, selector, text] of phones) {
    const { page, close } = await open(name, "narrow", colorScheme);
    await lookAt(page, selector, text, 24);
    pictures.push((await page.screenshot()).toString("base64"));
    await close();
  }
  const page = await browser.newPage({ viewport: screens.half });
  const images = pictures.map((png) => `<img src="data:image/png;base64,${png}" style="width: 342px; border-radius: 14px">`);
  await page.setContent(
    `<body style="margin: 0; height: 800px; background: #8a8f98; display: flex; gap: 22px; align-items: center; justify-content: center">${images.join("")}`,
  );
  await take(page, "phones");
}

if (process.argv[2] === undefined) await forReadme(from("screenshots/"));
else await everyPage(process.argv[2]);
await browser.close();
await server.close();
