/**
 * The files that a page saves. Chromium's are read from the disk. Of Firefox, Playwright 1.64 does not hear that a page
 * has saved what it made itself (a blob: address), so there the file is read as the page hands it over: name and bytes
 * of every link with `download` that the page presses.
 */
import { readFile } from "node:fs/promises";
import type { BrowserContext, Page } from "playwright";

export interface SavedFile {
  name: string;
  bytes: Buffer;
}

type Watched = typeof globalThis & { handedOver: { name: string; blob: Blob | undefined }[] };

/** Before the page's own code runs. */
export async function watchFiles(context: BrowserContext): Promise<void> {
  await context.addInitScript(() => {
    const handedOver: Watched["handedOver"] = ((globalThis as Watched).handedOver = []);
    const blobs = new Map<string, Blob>();
    const { createObjectURL } = URL;
    URL.createObjectURL = (object) => {
      const url = createObjectURL.call(URL, object);
      if (object instanceof Blob) blobs.set(url, object);
      return url;
    };
    const { click } = HTMLAnchorElement.prototype;
    HTMLAnchorElement.prototype.click = function (this: HTMLAnchorElement) {
      if (this.download !== "") handedOver.push({ name: this.download, blob: blobs.get(this.href) });
      click.call(this);
    };
  });
}

/** Presses a button that saves a file, and reads the file. */
export async function save(page: Page, label: string): Promise<SavedFile> {
  const button = page.getByRole("button", { name: label, exact: true });
  if (page.context().browser()?.browserType().name() === "firefox") return handedOver(page, () => button.click());
  const [download] = await Promise.all([page.waitForEvent("download"), button.click()]);
  return { name: download.suggestedFilename(), bytes: await readFile(await download.path()) };
}

async function handedOver(page: Page, press: () => Promise<void>): Promise<SavedFile> {
  const before = await page.evaluate(() => (globalThis as Watched).handedOver.length);
  await press();
  await page.waitForFunction((count) => (globalThis as Watched).handedOver.length > count, before);
  const { name, text } = await page.evaluate(async () => {
    const { name, blob } = (globalThis as Watched).handedOver.at(-1)!;
    const bytes = new Uint8Array((await blob?.arrayBuffer()) ?? []);
    return { name, text: Array.from(bytes, (byte) => String.fromCharCode(byte)).join("") };
  });
  return { name, bytes: Buffer.from(text, "latin1") };
}
