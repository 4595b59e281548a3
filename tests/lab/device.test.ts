/** The language model in the page, in two engines: it loads, writes under two policies, stops, hunts, and refuses files. */
import { readFile } from "node:fs/promises";
import type { Page } from "playwright";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { colorViolations, violations } from "./support/axe.js";
import { Lab, phone, type Visit } from "./support/lab.js";

const place = "a-model-on-your-device.html#read=300&write=12&n=400";
const assets = new URL("../../web/lab/assets/decoder/", import.meta.url).pathname;
const ready = (page: Page) => page.locator("[data-ready]");

/** As a person types it: in Firefox, Playwright's fill() adds to what a number field holds. */
async function setNumber(page: Page, label: string, value: number, within = "body"): Promise<void> {
  await page.locator(within).getByLabel(label).focus();
  await page.keyboard.press("Control+A");
  await page.keyboard.type(String(value));
}

const fetched = ({ requests }: Visit) => requests.filter((url) => url.includes("safetensors")).length;

describe.each(["chromium", "firefox"] as const)("%s", (engine) => {
  let lab: Lab;
  let visit: Visit;
  beforeAll(async () => {
    lab = await Lab.open(engine);
    visit = await lab.visit(place, { serviceWorkers: "allow" });
  });
  afterAll(() => lab.close());

  test("nothing of the model is fetched unasked, and fetching it can be cancelled", async () => {
    const { page } = visit;
    await page.getByText("28 million parameters, made for this page").waitFor();
    await page.locator(".status-variant").waitFor();
    expect(fetched(visit)).toBe(0);
    // The fetch of one file is held up, so that there is time to press the button.
    let hold = (): void => undefined;
    const held = new Promise<void>((resolve) => (hold = resolve));
    await page.route("**/*.safetensors", async (route) => {
      await held;
      await route.continue().catch(() => undefined);
    });
    await page.getByRole("button", { name: /Load the model/ }).click();
    await page.getByText(/fetching/).waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: /Load the model/ }).waitFor();
    expect(await ready(page).count()).toBe(0);
    hold();
    await page.unroute("**/*.safetensors");
  });

  test("it loads, and writes the same under exact attention and with 8 entries and the linear tail", async () => {
    const { page } = visit;
    await page.getByRole("button", { name: /Load the model/ }).click();
    await ready(page).waitFor();
    expect(await ready(page).innerText()).toContain("Kept on this device");
    await page.getByRole("button", { name: "Read and write" }).click();
    await page.getByText(/Both wrote the same|tokens? (are|is) the same|differ from the first/).waitFor();
    const runs = page.locator(".run");
    expect(await runs.count()).toBe(2);
    for (const run of await runs.all()) {
      expect(await run.getAttribute("data-phase")).toBe("done");
      expect((await run.locator(".run-text").innerText()).trim().length).toBeGreaterThan(10);
      expect(await run.locator(".run-state").innerText()).toMatch(/read 300 tokens at [\d.]+ tokens\/s/);
      expect(await run.locator(".map td").count()).toBe(64);
    }
    const numbers = (run: number) =>
      runs
        .nth(run)
        .locator("dd")
        .evaluateAll((all) => all.map((one) => Number((one as HTMLElement).dataset["value"])));
    const [exact, sparse] = [await numbers(0), await numbers(1)];
    const [speed, dropped, kept, bytes] = exact as [number, number, number, number];
    expect(speed).toBeGreaterThan(0);
    expect(dropped).toBe(0);
    expect(kept).toBe(1);
    // Keys and values of at least 311 tokens, 8 layers, 4 heads of 64, in f32.
    expect(bytes).toBeGreaterThan(311 * 8 * 4 * 64 * 2 * 4 * 0.99);
    expect(sparse[1]).toBeGreaterThan(0.05);
    expect(sparse[1]).toBeLessThan(0.9);
    // 8 of the 301 to 311 entries that the steps after the first see.
    expect(sparse[2]).toBeGreaterThan(8 / 312);
    expect(sparse[2]).toBeLessThan(8 / 300);
  });

  test("a hidden number is found by both, and missed by a window that does not reach it", async () => {
    const { page } = visit;
    const policyA = page.locator('[data-policy="a"]');
    await policyA.getByLabel("Each token attends to").selectOption("window");
    await setNumber(page, "latest tokens", 40, '[data-policy="a"]');
    await setNumber(page, "key, five digits", 58271);
    await page.getByRole("button", { name: "Hide it and ask" }).click();
    await page.locator(".hunt tbody tr").nth(1).waitFor();
    expect(await page.locator(".hunt tbody tr").evaluateAll((rows) => rows.map((row) => row.dataset["found"]))).toEqual(
      ["false", "true"],
    );
    expect(await page.locator(".hunt-said").nth(1).innerText()).toContain("58271");
    expect(new URL(page.url()).hash).toMatch(/a=window%2C8%2C.*key=58271|key=58271.*a=window%2C8%2C/);
  });

  test("writing can be cancelled, and what is there stays", async () => {
    const { page } = visit;
    await setNumber(page, "tokens to write", 2000);
    await page.getByRole("button", { name: "Read and write" }).click();
    await page.locator('.run[data-phase="writing"] .run-text').first().waitFor();
    await page.locator(".writer").getByRole("button", { name: "Cancel" }).click();
    await page.getByRole("button", { name: "Read and write" }).waitFor();
    expect(await page.locator(".run").evaluateAll((all) => all.map((run) => run.dataset["phase"]))).toEqual([
      "cancelled",
      "cancelled",
    ]);
    expect((await page.locator(".run-text").first().innerText()).length).toBeGreaterThan(0);
  });

  test("files that are no model are refused by name, and the model of before stays", async () => {
    const { page } = visit;
    await page.getByText("Open a model of your own").click();
    const drop = async (files: Record<string, string>) => {
      await page.getByLabel("A model of your own").setInputFiles(
        Object.entries(files).map(([name, text]) => ({
          name,
          mimeType: "application/json",
          buffer: Buffer.from(text),
        })),
      );
      return page.locator(".device-fault [role=alert]");
    };
    const fault = await drop({ "config.json": "{}" });
    await fault
      .getByText("A model needs a .safetensors file and tokenizer.json as well; there is config.json.")
      .waitFor();
    const [config, tokenizer] = await Promise.all(
      ["config.json", "tokenizer.json"].map((name) => readFile(`${assets}${name}`, "utf8")),
    );
    const broken = { "config.json": config!, "tokenizer.json": tokenizer!, "model.safetensors": "not at all a model" };
    await (await drop(broken)).getByText(/model\.safetensors/).waitFor();
    expect(await fault.innerText()).not.toMatch(/undefined|\[object/);
    await expect.poll(() => ready(page).innerText()).toContain("tiny-llama-16k is ready");
  });

  // What these look at is the page, not the engine; each loads the model, or looks for long.
  if (engine === "chromium") {
    test("a reader's own files are read, and write", async () => {
      const { page } = visit;
      const names = ["config.json", "tokenizer.json", "tokenizer_config.json"];
      const weights = ["model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors"];
      await page
        .getByLabel("A model of your own")
        .setInputFiles([...names, ...weights].map((name) => `${assets}${name}`));
      await page.getByText("read from your files").waitFor();
      expect(await ready(page).innerText()).toContain(
        "model-00001-of-00002.safetensors and 1 more is ready: 28 million",
      );
      await setNumber(page, "tokens to write", 3);
      await page.getByRole("button", { name: "Read and write" }).click();
      await page.locator('.run[data-phase="done"]').nth(1).waitFor();
    });

    test("without any store it works from memory, and says so", async () => {
      const { page, context } = await lab.visit();
      await context.addInitScript(() => {
        const refuse = () => Promise.reject(new DOMException("refused", "SecurityError"));
        navigator.storage.getDirectory = refuse;
        caches.open = refuse;
      });
      await page.goto(`${lab.origin}/${place}`);
      await page.getByRole("button", { name: /Load the model/ }).click();
      await ready(page).waitFor();
      expect(await ready(page).innerText()).toContain("fetched at every visit");
      await context.close();
    });

    test("everyone can use it, on a phone as well", async () => {
      const { page } = visit;
      await page.locator("summary", { hasText: "More settings" }).click();
      expect(await violations(page)).toEqual([]);
      await page.emulateMedia({ colorScheme: "dark" });
      await page.locator('html[data-appearance="dark"]').waitFor();
      expect(await colorViolations(page)).toEqual([]);
      await page.setViewportSize(phone);
      expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBe(phone.width);
    });
  }

  test("the next visit finds the model on the device, and a spoiled file is fetched again", async () => {
    const { page, context, requests } = visit;
    const before = fetched(visit);
    await page.goto(`${lab.origin}/what-attention-costs-a-model.html`);
    await ready(page).waitFor();
    expect(await ready(page).innerText()).toContain("nothing was fetched");
    expect(fetched(visit)).toBe(before);
    await page.evaluate(async () => {
      const root = await navigator.storage.getDirectory();
      const directory = await root.getDirectoryHandle("heed-model");
      for await (const name of (directory as unknown as { keys(): AsyncIterable<string> }).keys()) {
        if (!name.endsWith("2-of-00002.safetensors")) continue;
        const writable = await (await directory.getFileHandle(name)).createWritable({ keepExistingData: true });
        await writable.write({ type: "write", position: 100_000, data: new Uint8Array([1, 2, 3]) });
        await writable.close();
      }
    });
    await page.reload();
    await ready(page).waitFor();
    expect(await ready(page).innerText()).not.toContain("nothing was fetched");
    expect(lab.elsewhere(requests)).toEqual([]);
    expect(visit.errors).toEqual([]);
    await context.close();
  });
});
