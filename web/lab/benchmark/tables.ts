/** Settings in, tables out: who takes turns with whom, at which shape. */
import { heedEntry, loopEntry } from "../../../bench/harness/entries.mjs";
import { workOf } from "../../../bench/harness/work.mjs";
import { decodePeers, peers } from "../../../bench/peers/peers.mjs";
import type { Beside, Operation, Settings } from "./settings.js";
import type { Entry, Shape } from "./types.js";

/** Which operation an entry does: only those are set against each other. */
export type Does = "exact" | "top-k";

export interface PlannedEntry extends Entry {
  does: Does | undefined;
}

export interface Table {
  operation: Operation;
  title: string;
  shape: Shape;
  entries: PlannedEntry[];
}

export interface Surroundings {
  /** Packages that the lab was built with. */
  packages: readonly string[];
  isolated: boolean;
}

/** The packages behind the names of the form. */
export const packageOf: Readonly<Record<Exclude<Beside, "plain">, string>> = {
  "onnxruntime-web": "onnxruntime-web",
  litert: "@litertjs/core",
  tfjs: "@tensorflow/tfjs-backend-wasm",
};

/** Single tokens whose attention is computed by turns and judged. */
const queries = 4;

export function tablesOf(settings: Settings, surroundings: Surroundings): Table[] {
  const tables = settings.operations.map((operation) => ({ operation, ...plans[operation](settings) }));
  // One loop for all tables, over at least as much memory as the largest of them moves.
  const bytes = Math.max(...tables.map(({ shape, task }) => workOf({ ...shape, task }).bytes));
  return tables.map(({ operation, title, shape, task, entries }) => {
    const all = [...entries, ...others(operation, settings, surroundings), ...ceilings(settings, bytes)];
    return {
      operation,
      title,
      shape: { ...shape, task },
      entries: all.map((entry) => withWork({ ...shape, task }, blocked(entry, surroundings))),
    };
  });
}

interface Plan {
  title: string;
  shape: Shape;
  task: string;
  entries: PlannedEntry[];
}

const plans: Record<Operation, (settings: Settings) => Plan> = {
  exact: (settings) => ({
    shape: shapeOf(settings),
    title: `Exact attention, ${spoken(settings)}`,
    task: "attend",
    entries: eachBuild(settings, (build) => [heed(build, "heed", "exact", "attend", {}, { task: "attend" })]),
  }),
  topk: (settings) => ({
    shape: shapeOf(settings),
    title: `Top-k attention, k = ${settings.k}, ${spoken(settings)}`,
    task: "attend",
    entries: eachBuild(settings, (build) => [
      heed(build, "heed, exact", "exact", "attend", {}, { task: "attend" }),
      ...["renormalized", "linear"].map((estimator) =>
        heed(build, `heed, top-k ${estimator}`, "top-k", "attend_top_k", {}, topK(settings, { estimator })),
      ),
    ]),
  }),
  decode: (settings) => ({
    shape: cacheShapeOf(settings),
    title: `One new token, exact, ${cacheSpoken(settings)}`,
    task: "decode",
    entries: eachBuild(settings, (build) =>
      ["f32", "f16", "int8"].map((dtype) =>
        heed(build, `heed, ${dtype} cache`, "exact", "decode", { dtype }, { task: "decode", dtype }),
      ),
    ),
  }),
  "decode-topk": (settings) => ({
    shape: cacheShapeOf(settings),
    title: `One new token, top-k, k = ${settings.k}, ${cacheSpoken(settings)}`,
    task: "decode",
    entries: eachBuild(settings, (build) => [
      heed(build, "heed, exact", "exact", "decode", { dtype }, { task: "decode", dtype }),
      ...Object.entries({ scan: "exact", "int8 search": "int8" }).map(([name, search]) =>
        heed(
          build,
          `heed, top-k by ${name}`,
          "top-k",
          "decode",
          { dtype, operation: "attendTopK" },
          {
            ...{ task: "decode", dtype, search },
            ...{ k: settings.k, estimator: "renormalized" },
          },
        ),
      ),
    ]),
  }),
};

/** Of the cache beside which top-k is measured. */
const dtype = "f32";

function shapeOf({ n, heads, headDim, causal, seed }: Settings): Shape {
  return { n, heads, headDim, causal, seed };
}

function cacheShapeOf({ cache, heads, headDim, seed }: Settings): Shape {
  return { n: cache, heads, headDim, causal: false, seed, data: "gaussian", queries };
}

const spoken = ({ causal, n, heads, headDim }: Settings): string =>
  `${causal ? "causal" : "full"}, ${n} tokens, ${headsSpoken(heads)}, d = ${headDim}`;
const cacheSpoken = ({ cache, heads, headDim }: Settings): string =>
  `${cache} tokens in the cache, ${headsSpoken(heads)}, d = ${headDim}`;
const headsSpoken = (heads: number): string => (heads === 1 ? "1 head" : `${heads} heads`);

const topK = ({ k }: Settings, more: Shape): Shape => ({ task: "top-k", k, ...more });

interface Build {
  arithmetic: string;
  threads: number;
}

function eachBuild({ arithmetic, threads }: Settings, entries: (build: Build) => PlannedEntry[]): PlannedEntry[] {
  return arithmetic.flatMap((one) => threads.flatMap((count) => entries({ arithmetic: one, threads: count })));
}

function heed(
  { arithmetic, threads }: Build,
  name: string,
  does: Does,
  operation: string,
  options: Record<string, unknown>,
  shape: Shape,
): PlannedEntry {
  return { ...heedEntry(arithmetic, threads, { operation, options }), name, does, shape };
}

/** Multiply-adds and reading, what the machine allows: they take their turns among the others. */
function ceilings({ threads }: Settings, bytes: number): PlannedEntry[] {
  const read = [16, 64].find((megabytes) => bytes <= megabytes * 2 ** 20) ?? 256;
  return ["madd", "mul+add", `read ${read} MB`].flatMap((loop) =>
    threads.map((count) => ({ ...loopEntry(loop, count), does: undefined })),
  );
}

/** Plain JavaScript and the peers, as far as they do this operation. */
function others(operation: Operation, settings: Settings, { packages }: Surroundings): PlannedEntry[] {
  const { beside, n, causal } = settings;
  const wanted = beside.filter((name) => name !== "plain").map((name) => packageOf[name]);
  const absent = (name: string): string | undefined =>
    packages.includes(name) ? undefined : "not installed where this lab was built";
  const own = beside.includes("plain") ? [plain[operation](settings)] : [];
  if (operation === "exact") {
    const able = peers.filter((peer) => wanted.includes(peer.package ?? "") && (causal || peer.causalOnly !== true));
    const long = ({ mostN = Infinity }): string | undefined =>
      n > mostN ? `takes seconds beyond ${mostN} tokens` : undefined;
    return [
      ...able.flatMap((peer) => byThreads(settings, peer, { task: "attend" }, absent(peer.package!) ?? long(peer))),
      ...own,
    ];
  }
  if (operation === "decode") {
    const able = decodePeers.filter(({ module }) => wanted.includes(decodePackage(module)));
    return [
      ...able.flatMap((peer) => byThreads(settings, peer, { task: "decode" }, absent(decodePackage(peer.module)))),
      ...own,
    ];
  }
  return own;
}

const decodePackage = (module: string): string => packageOf[module.includes("tensorflow") ? "tfjs" : "onnxruntime-web"];

function byThreads(
  { threads }: Settings,
  { name, module, options }: { name: string; module: string; options?: Record<string, unknown> },
  shape: Shape,
  notTried: string | undefined,
): PlannedEntry[] {
  return threads.map((count) => ({
    ...({ name, kind: "peer", does: "exact", module, place: "worker", shape, notTried } as const),
    options: { ...options, threads: count },
  }));
}

const plain: Record<Operation, (settings: Settings) => PlannedEntry> = {
  exact: () => plainEntry("exact", "plain_javascript", { task: "attend" }),
  topk: (settings) => plainEntry("top-k", "plain_top_k", topK(settings, { estimator: "renormalized" })),
  decode: () => plainEntry("exact", "plain_decode", { task: "decode" }),
  "decode-topk": ({ k }) => plainEntry("top-k", "plain_decode", { task: "decode", k, estimator: "renormalized" }),
};

function plainEntry(does: Does, module: string, shape: Shape): PlannedEntry {
  return {
    ...({ name: "plain JavaScript", kind: "peer", place: "worker", does, shape } as const),
    module: `peers/${module}.mjs`,
    options: { threads: 1 },
  };
}

/** What cannot run here says so instead of failing. */
function blocked(entry: PlannedEntry, { isolated }: Surroundings): PlannedEntry {
  if (entry.options.threads === 1 || entry.notTried !== undefined) return entry;
  if (!isolated) return { ...entry, notTried: "threads need a cross-origin isolated page" };
  if (entry.module.includes("tensorflow")) {
    return { ...entry, notTried: "starts its threads from a blob: address, which this page's policy forbids" };
  }
  return entry;
}

function withWork(shape: Shape, entry: PlannedEntry): PlannedEntry {
  if (entry.kind === "ceiling") return entry;
  const { flops, bytes } = workOf({ ...shape, ...entry.shape });
  return { ...entry, shape: { ...entry.shape, flops, bytes } };
}
