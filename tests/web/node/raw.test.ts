/** The hand-written types of the module against what every build really exports: neither may have more than the other. */
import { readFileSync } from "node:fs";

import { variants, type VariantName } from "heed/sync";
import ts from "typescript";
import { describe, expect, test } from "vitest";

import type { RawFactory, RawModule } from "../../../web/src/runtime/raw-module.js";
import type { RawModules } from "../../../web/src/runtime/runtime.js";
import { loaderFile, wasmFile } from "../../../web/src/runtime/file-names.js";
import { createMemory } from "../../../web/src/runtime/memory.js";
import { hasThreads, moduleStems, variantBeside, type ModuleName } from "../../../web/src/runtime/variants.js";

const root = new URL("../../../", import.meta.url);
const interfaces = new Map(
  ["raw-module", "raw", "raw-study", "raw-model"].flatMap((file) => {
    const text = readFileSync(new URL(`web/src/runtime/${file}.ts`, root), "utf8");
    const { statements } = ts.createSourceFile(`${file}.ts`, text, ts.ScriptTarget.Latest);
    return statements.filter(ts.isInterfaceDeclaration).map((one) => [one.name.text, one] as const);
  }),
);

/** Names of an interface's members, without those that it inherits. */
function members(name: string): string[] {
  const found = interfaces.get(name);
  expect(found, `interface ${name}`).toBeDefined();
  return found!.members.map((member) => (member.name as ts.Identifier).text);
}

/** The interface of each module; a module without one does not compile here. */
const typeOf: Record<ModuleName, string> = { core: "RawCore", study: "RawStudy", model: "RawModelModule" };
const allModules = Object.keys(moduleStems) as ModuleName[];

/** What the generator adds: its own error classes, its counters, and the options that were passed in. */
const generated = [
  "InternalError",
  "BindingError",
  "UnboundTypeError",
  "count_emval_handles",
  "calledRun",
  "poolSize",
  "wasmBinary",
  "print",
  "printErr",
  "onAbort",
  "instantiateWasm",
];

async function start<Name extends ModuleName>(name: Name, variant: VariantName): Promise<RawModules[Name]> {
  const address = new URL(`dist/glue/${loaderFile(name, variant).replace(".mjs", ".node.mjs")}`, root);
  const { default: factory } = (await import(/* @vite-ignore */ address.href)) as {
    default: RawFactory<RawModules[Name]>;
  };
  const wasmBinary = readFileSync(new URL(`dist/glue/${wasmFile(name, variant)}`, root));
  return factory({ wasmBinary, wasmMemory: createMemory(2 ** 28, variant), poolSize: 0 });
}

/** Every constructor of a module whose name ends in Job. */
const jobsOf = (name: ModuleName) => members(typeOf[name]).filter((member) => member.endsWith("Job"));

describe.each(variants.map(({ name }) => name))("%s", (variant) => {
  const moduleNames = allModules.filter((name) => variantBeside(variant, name) === variant);

  test.each(moduleNames)("%s exports exactly the names of its type, and says what it is", async (module) => {
    const raw: RawModule = await start(module, variant);
    const names = Object.keys(raw).filter((name) => !generated.includes(name) && !name.startsWith("dynCall_"));
    const typed = [...members("RawModule"), ...members(typeOf[module])];
    const expected = typed.filter((name) => name !== "PThread" || hasThreads(variant));
    expect(names.sort()).toEqual(expected.sort());
    expect([raw.module(), raw.variant()]).toEqual([module, variant]);
  });

  test.each(moduleNames)("the jobs of %s have exactly the methods of RawJob", async (module) => {
    const raw: RawModule = await start(module, variant);
    const jobs = jobsOf(module);
    expect(jobs.length).toBeGreaterThan(0);
    for (const job of jobs) {
      const kind = (raw as unknown as Record<string, { prototype: object }>)[job]!;
      const own = Object.getOwnPropertyNames(kind.prototype).filter((name) => name !== "constructor");
      // `delete` comes from the generator, for every class.
      expect(own.sort()).toEqual(
        members("RawJob")
          .filter((name) => name !== "delete")
          .sort(),
      );
      expect(Reflect.has(kind.prototype, "delete")).toBe(true);
    }
  });

  test("simulations have exactly the methods of RawSimulation", async () => {
    const { Simulation } = await start("study", variantBeside(variant, "study"));
    const own = Object.getOwnPropertyNames(Simulation.prototype).filter((name) => name !== "constructor");
    const typed = [...members("RawJob").filter((name) => name !== "delete"), ...members("RawSimulation")];
    expect(own.sort()).toEqual(typed.sort());
  });

  test("caches have exactly the methods of RawKvCache", async () => {
    const raw = await start("core", variant);
    const own = Object.getOwnPropertyNames(raw.KvCache.prototype).filter((name) => name !== "constructor");
    expect(own.sort()).toEqual(
      members("RawKvCache")
        .filter((name) => name !== "delete")
        .sort(),
    );
  });

  test("option objects are read by the names of their types", async () => {
    const raw = await start("core", variant);
    const problem = Object.fromEntries(members("RawProblem").map((name) => [name, 0]));
    for (const missing of members("RawProblem")) {
      const { [missing]: _, ...rest } = problem;
      expect(() => new raw.ExactJob(rest as never), `without ${missing}`).toThrow(TypeError);
    }
    const options = Object.fromEntries(members("RawTopKOptions").map((name) => [name, 0]));
    for (const missing of members("RawTopKOptions")) {
      const { [missing]: _, ...rest } = options;
      expect(() => new raw.TopKJob(problem as never, rest as never), `without ${missing}`).toThrow(TypeError);
    }
    const radius = Object.fromEntries(members("RawRadiusOptions").map((name) => [name, 0]));
    for (const missing of members("RawRadiusOptions")) {
      const { [missing]: _, ...rest } = radius;
      expect(() => new raw.RadiusJob(rest as never), `without ${missing}`).toThrow(TypeError);
    }
    const retrieval = Object.fromEntries(members("RawRetrievalOptions").map((name) => [name, 0]));
    for (const missing of members("RawRetrievalOptions")) {
      const { [missing]: _, ...rest } = retrieval;
      expect(() => new raw.RetrieveJob(problem as never, rest as never, null), `without ${missing}`).toThrow(TypeError);
    }
    const shape = Object.fromEntries(members("RawCacheShape").map((name) => [name, 1]));
    for (const missing of members("RawCacheShape")) {
      const { [missing]: _, ...rest } = shape;
      expect(() => new raw.KvCache(rest as never), `without ${missing}`).toThrow(TypeError);
    }
    const cache = new raw.KvCache(shape as never);
    const decode = Object.fromEntries(members("RawDecodeProblem").map((name) => [name, 0]));
    for (const missing of members("RawDecodeProblem")) {
      const { [missing]: _, ...rest } = decode;
      expect(
        () => new raw.CacheAttendJob(cache, rest as never, { epsilon: 0, mass: 0, first: 0, out: 0, received: 0 }),
        `without ${missing}`,
      ).toThrow(TypeError);
    }
    const sparse = Object.fromEntries(members("RawCacheTopKOptions").map((name) => [name, 0]));
    for (const missing of members("RawCacheTopKOptions")) {
      const { [missing]: _, ...rest } = sparse;
      const call = () => new raw.CacheTopKJob(cache, decode as never, rest as never);
      expect(call, `without ${missing}`).toThrow(TypeError);
    }
    for (const [type, call] of [
      ["RawMonitorOptions", (options: object) => new raw.CacheAttendJob(cache, decode as never, options as never)],
      ["RawEvictOptions", (options: object) => cache.evict(decode as never, options as never)],
    ] as const) {
      const all = Object.fromEntries(members(type).map((name) => [name, 0]));
      for (const missing of members(type)) {
        const { [missing]: _, ...rest } = all;
        expect(() => call(rest), `without ${missing}`).toThrow(TypeError);
      }
    }
    cache.delete();
    const study = await start("study", variantBeside(variant, "study"));
    const collapse = Object.fromEntries(members("RawCollapseOptions").map((name) => [name, 0]));
    for (const missing of members("RawCollapseOptions")) {
      const { [missing]: _, ...rest } = collapse;
      expect(() => new study.CollapseJob(rest as never), `without ${missing}`).toThrow(TypeError);
    }
  });
});
