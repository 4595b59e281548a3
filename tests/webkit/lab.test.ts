/**
 * The lab in a third engine, as it comes: without threads, without a private file system, driven from outside. Pages
 * are looked at through scripts; `build/webkit/` keeps what they looked like.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, inject, test } from "vitest";

import { contents } from "../../web/lab/contents.js";
import { WebKit } from "./webkit.js";

const pictures = new URL("../../build/webkit/", import.meta.url);

const origin = inject("labOrigin");
let webkit: WebKit;
beforeAll(async () => {
  await mkdir(pictures, { recursive: true });
  webkit = await WebKit.start();
});
afterAll(() => webkit?.close());

/** Asks the page again until the answer is true; what it last was is part of the failure. */
async function until(script: string, limitMs = 60_000): Promise<void> {
  let answer: unknown;
  for (const start = performance.now(); performance.now() - start < limitMs; await sleep(200)) {
    answer = await webkit.evaluate(script);
    if (answer === true) return;
  }
  throw new Error(`not within ${limitMs / 1000} s, but ${JSON.stringify(answer)}: ${script}`);
}

/** As lab.ts in tests/lab: tasks with columns to show wait for their reader. */
const settled = (fewest: number) => `
  const tasks = [...document.querySelectorAll(".task")];
  const open = tasks.filter((task) => !["done", "failed", "cancelled"].includes(task.dataset.phase));
  open[0]?.scrollIntoView();
  return tasks.length >= ${fewest} && open.length === 0;`;

/** A number under the controls. */
const number = (label: string) => `
  const term = [...document.querySelectorAll(".numbers dt")].find((dt) => dt.textContent.includes("${label}"));
  return Number(term?.parentElement.querySelector("dd").dataset.value);`;

const failures = `return [...document.querySelectorAll(".cell-failure, [role=alert]")].map((one) => one.innerText)`;

const button = (name: string) =>
  `[...document.querySelectorAll("button")].find((one) => one.textContent.trim().startsWith("${name}"))`;

/** Where the page is wider than its window, somebody has to scroll sideways. The browser's bar is wider than a phone. */
async function look(name: string): Promise<void> {
  await webkit.evaluate("scrollTo(0, 0)");
  for (const width of [1440, 390]) {
    const [inner, scroll] = await webkit.resizeTo(width, 900);
    expect(inner).toBeLessThan(Math.max(width, 700) + 1);
    expect(scroll, `${name} at ${inner}`).toBeLessThanOrEqual(inner);
    await writeFile(new URL(`${name}-${width}.png`, pictures), await webkit.screenshot());
  }
  await webkit.resizeTo(1440, 900);
}

test("the essay renders, says with what it computes, and its slider changes the numbers", async () => {
  await webkit.open(`${origin}/#layer=6&head=3&k=8`);
  await until(settled(3));
  await until(`return document.querySelectorAll("lab-figure svg, lab-figure canvas").length >= 5`);
  expect(await webkit.evaluate(`return document.querySelector("h1").innerText`)).toBe(contents[0]!.title);
  expect(await webkit.evaluate(`return document.querySelector(".status-variant").innerText`)).toBe("simd");
  expect(await webkit.evaluate(`return document.querySelector(".status-threads").dataset.threads`)).toBe("1");
  expect(await webkit.evaluate(`return document.querySelector(".status").innerText`)).toMatch(/\bWebKit\b/);
  await look("essay");

  const before = await webkit.evaluate<number>(number("attention dropped"));
  expect(before).toBeGreaterThan(0);
  await webkit.evaluate(`
    const slider = document.querySelector('[aria-label="k, entries kept, slider"]');
    slider.value = slider.max;
    slider.dispatchEvent(new Event("input", { bubbles: true }));`);
  await until(`const now = (() => {${number("attention dropped")}})(); return now < ${before} || now;`);
  await until(`return location.hash.includes("k=1024")`);
  await until(settled(3));
  expect(await webkit.evaluate(failures)).toEqual([]);
});

test.each(contents.slice(1).map(({ title, name, model }) => [title, name, model] as const))(
  "%s",
  async (title, name, model) => {
    await webkit.open(`${origin}/${name}.html`);
    if (model) await until(`return document.body.innerText.includes("28 million parameters, made for this page")`);
    else await until(settled(1));
    if (!model) {
      await until(`return document.querySelectorAll("lab-figure svg").length >= 1`);
      await until(`return document.querySelectorAll(".claims li").length >= 1`);
      await until(`return document.querySelector('.claims li[data-state="open"]') === null`);
    }
    expect(await webkit.evaluate(`return document.querySelector("h1").innerText`)).toBe(title);
    await look(name);
    expect(await webkit.evaluate(failures)).toEqual([]);
  },
);

test("a model is loaded, writes under two policies, and is found again", async () => {
  const page = `${origin}/a-model-on-your-device.html#read=60&write=6&n=200`;
  await webkit.open(page);
  await until(`return ${button("Load the model")} !== undefined && document.querySelector(".status-variant") !== null`);
  await webkit.evaluate(`${button("Load the model")}.click()`);
  await until(`return document.querySelector("[data-ready]") !== null`);
  const ready = `return document.querySelector("[data-ready]").innerText`;
  expect(await webkit.evaluate(ready)).toContain("Kept on this device");
  await webkit.evaluate(`${button("Read and write")}.click()`);
  await until(`return document.querySelectorAll('.run[data-phase="done"]').length === 2`, 100_000);
  const texts = `return [...document.querySelectorAll(".run-text")].map((one) => one.innerText.trim().length)`;
  for (const length of await webkit.evaluate<number[]>(texts)) expect(length).toBeGreaterThan(5);
  await look("model-writes");
  expect(await webkit.evaluate(failures)).toEqual([]);

  await webkit.open(`${origin}/what-attention-costs-a-model.html`);
  await until(`return document.querySelector("[data-ready]") !== null`);
  expect(await webkit.evaluate(ready)).toContain("nothing was fetched");
});
