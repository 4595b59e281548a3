/**
 * The builds of the modules, and what each needs. One table drives loading, the test matrix and the lab's menu; there
 * is nothing to dispatch inside a module, because one unknown instruction would make all of it invalid.
 *
 * Modules are loaded when they are needed: `core` by create, `study` by the first simulation, `model` by the first
 * decoder. Each has its own memory and threads, and is loaded in the variant of the core.
 */
import type { Features } from "./features.js";

/**
 * Best first. The first whose needs are all met is loaded, but the last one only when it is asked for: addresses of 64
 * bits cost speed, and are worth it for more than 4 GiB.
 */
export const variants = [
  { name: "relaxed-threads", needs: ["simd", "relaxedSimd", "threads"] },
  { name: "threads", needs: ["simd", "threads"] },
  { name: "relaxed", needs: ["simd", "relaxedSimd"] },
  { name: "simd", needs: ["simd"] },
  { name: "relaxed-threads-64", needs: ["simd", "relaxedSimd", "threads", "memory64"] },
] as const satisfies readonly { name: string; needs: readonly (keyof Features)[] }[];

/** A build by name: what it needs. */
export type VariantName = (typeof variants)[number]["name"];

/** All builds, best first. */
export const variantNames: readonly VariantName[] = variants.map(({ name }) => name);

/** The one with addresses of 64 bits. */
export const wideVariant = "relaxed-threads-64" satisfies VariantName;

function needsOf(variant: VariantName): readonly (keyof Features)[] {
  return variants.find(({ name }) => name === variant)?.needs ?? [];
}

/** The build of that name, or else the best one whose needs are all met; undefined when there is none. */
export function chooseVariant(features: Features, only?: VariantName): VariantName | undefined {
  const asked = only === undefined ? variantNames.filter((name) => !isWide(name)) : [only];
  return asked.find((name) => needsOf(name).every((need) => features[need]));
}

/** What the build needs and the engine lacks. */
export function missingFeatures(variant: VariantName, features: Features): readonly (keyof Features)[] {
  return needsOf(variant).filter((need) => !features[need]);
}

/** Whether the build was compiled for threads, and so needs shared memory. */
export function hasThreads(variant: VariantName): boolean {
  return needsOf(variant).includes("threads");
}

/** Whether the build has addresses of 64 bits. */
export function isWide(variant: VariantName): boolean {
  return needsOf(variant).includes("memory64");
}

/** The modules, and the beginning of their files' names: `<stem>-<variant>.wasm`. */
export const moduleStems = { core: "heed", study: "heed-study", model: "heed-model" } as const;

/** A module by name. */
export type ModuleName = keyof typeof moduleStems;

/** The build of a module beside a core. Simulations need no memory of more than 4 GiB, and have no such build. */
export function variantBeside(core: VariantName, module: ModuleName): VariantName {
  return module === "study" && isWide(core) ? "relaxed-threads" : core;
}
