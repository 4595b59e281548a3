/**
 * What axe finds wrong with a page. Nodes of rules that pass are only counted: describing each of them took most of the
 * time.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import type { AxeResults, RunOptions } from "axe-core";
import type { Page } from "playwright";
import { expect } from "vitest";

const source = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

/** The rules of axe that look at colors and are on by default. */
const aboutColors = ["color-contrast", "link-in-text-block"];

/** By every rule. */
export async function violations(page: Page): Promise<string[]> {
  const { found, passed } = await run(page, {});
  expect(passed.length).toBeGreaterThan(15);
  return found;
}

/** By the rules about colors, where the same page has shown itself to every rule in other colors. */
export async function colorViolations(page: Page): Promise<string[]> {
  const { found, passed } = await run(page, { runOnly: aboutColors });
  expect(passed).toContain("color-contrast");
  return found;
}

async function run(page: Page, options: RunOptions): Promise<{ found: string[]; passed: string[] }> {
  await page.evaluate(source);
  const { violations, passes } = await page.evaluate(
    (given) => (globalThis as unknown as { axe: { run(options: RunOptions): Promise<AxeResults> } }).axe.run(given),
    { ...options, resultTypes: ["violations"] } satisfies RunOptions,
  );
  return {
    found: violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`)),
    passed: passes.map(({ id }) => id),
  };
}
