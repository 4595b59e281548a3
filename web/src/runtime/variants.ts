/**
 * The builds of the modules, and what each needs. One table drives loading, the test matrix and the lab's menu; there
 * is nothing to dispatch inside a module, because one unknown instruction would make all of it invalid.
 *
 * Modules are loaded when they are needed: `core` by create, `study` by the first simulation, `model` by the first
 * decoder. Each has its own memory and threads, and is loaded in the variant of the core.
 */
import type { Features } from "./features.js";

/** Best first. The first whose needs are all met is loaded. */
export const variants = [
  { name: "relaxed-threads", needs: ["simd", "relaxedSimd", "threads"] },
  { name: "threads", needs: ["simd", "threads"] },
  { name: "relaxed", needs: ["simd", "relaxedSimd"] },
  { name: "simd", needs: ["simd"] },
] as const satisfies readonly { name: string; needs: readonly (keyof Features)[] }[];

/** A build by name: what it needs. */
export type VariantName = (typeof variants)[number]["name"];

/** All builds, best first. */
export const variantNames: readonly VariantName[] = variants.map(({ name }) => name);

/** The build of that name, or else the best one whose needs are all met; undefined when there is none. */
export function chooseVariant(features: Features, only?: VariantName): VariantName | undefined {
  const fits = variants.find(
    ({ name, needs }) => (only === undefined || name === only) && needs.every((need) => features[need]),
  );
  return fits?.name;
}

/** What the build needs and the engine lacks. */
export function missingFeatures(variant: VariantName, features: Features): readonly (keyof Features)[] {
  const needs: readonly (keyof Features)[] = variants.find(({ name }) => name === variant)?.needs ?? [];
  return needs.filter((need) => !features[need]);
}

/** Whether the build was compiled for threads, and so needs shared memory. */
export function hasThreads(variant: VariantName): boolean {
  const needs: readonly (keyof Features)[] = variants.find(({ name }) => name === variant)?.needs ?? [];
  return needs.includes("threads");
}

/** The modules, and the beginning of their files' names: `<stem>-<variant>.wasm`. */
export const moduleStems = { core: "heed", study: "heed-study", model: "heed-model" } as const;

/** A module by name. */
export type ModuleName = keyof typeof moduleStems;
