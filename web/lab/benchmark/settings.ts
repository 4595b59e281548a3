/**
 * What a run measures, and the link that repeats it: every setting is written into the part of the address after '#'
 * and read back as a number or a choice that exists. What is not one is left at its default, and named.
 */

/** Legal values, in the order of the form. */
export const choices = {
  operations: ["exact", "topk", "decode", "decode-topk"],
  arithmetic: ["relaxed", "simd"],
  beside: ["plain", "onnxruntime-web", "litert", "tfjs"],
  n: [64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384],
  cache: [256, 1024, 4096, 16384, 65536],
  heads: [1, 2, 4, 8, 16],
  headDim: [32, 64, 80, 96, 128],
  k: [8, 16, 32, 64, 128, 256],
  seconds: [0.1, 1, 3, 10],
} as const;

export type Operation = (typeof choices.operations)[number];
export type Arithmetic = (typeof choices.arithmetic)[number];
export type Beside = (typeof choices.beside)[number];

export interface Settings {
  operations: readonly Operation[];
  arithmetic: readonly Arithmetic[];
  /** Thread counts, ascending. */
  threads: readonly number[];
  beside: readonly Beside[];
  /** Tokens of exact and top-k attention. */
  n: number;
  /** Tokens in the cache when decoding. */
  cache: number;
  heads: number;
  headDim: number;
  causal: boolean;
  /** Keys kept. */
  k: number;
  /** Of samples, for each candidate of a table. */
  seconds: number;
  seed: number;
}

export const mostThreads = 64;
const mostSeed = 65535;

/** 1, 2, 4, ... and all cores. */
export function threadChoices(cores: number): number[] {
  const counts = [1, 2, 4, 8, 16, 32].filter((count) => count < cores);
  return [...counts, Math.min(Math.max(1, cores), mostThreads)];
}

export function defaultSettings(cores: number, isolated: boolean): Settings {
  return {
    operations: [...choices.operations],
    arithmetic: ["relaxed"],
    threads: isolated ? [...new Set([1, Math.min(Math.max(1, cores), mostThreads)])] : [1],
    beside: ["plain"],
    ...{ n: 512, cache: 4096, heads: 8, headDim: 64, causal: true, k: 32, seconds: 1, seed: 1 },
  };
}

/** As what follows the '#' of a link. All settings, because defaults depend on the machine. */
export function toHash(settings: Settings): string {
  const text = (value: Settings[keyof Settings]): string =>
    Array.isArray(value) ? value.join(".") : typeof value === "boolean" ? (value ? "1" : "0") : String(value);
  const named = Object.entries(settings) as [keyof Settings, Settings[keyof Settings]][];
  return new URLSearchParams(named.map(([name, value]) => [name, text(value)])).toString();
}

export interface Read {
  settings: Settings;
  /** What the address said that no setting can be, in words. */
  refused: string[];
}

export function fromHash(hash: string, defaults: Settings): Read {
  const parameters = new URLSearchParams(hash.replace(/^#/, ""));
  const refused: string[] = [];
  const settings: Record<string, unknown> = { ...defaults };
  for (const [name, text] of parameters) {
    if (!(name in readers)) {
      refused.push(`"${name}" is no setting`);
      continue;
    }
    const value = readers[name as keyof Settings](text);
    if (value === undefined) refused.push(`${name} cannot be "${text}"`);
    else settings[name] = value;
  }
  const read = settings as unknown as Settings;
  // Both keep k of what they see: a row of attention and a cache.
  const shortest = Math.min(read.n, read.cache);
  if (read.k >= shortest) {
    refused.push(`k cannot be ${read.k} with ${shortest} tokens`);
    settings["k"] = choices.k.findLast((k) => k < shortest)!;
  }
  return { settings: read, refused };
}

const readers: { [Name in keyof Settings]: (text: string) => Settings[Name] | undefined } = {
  operations: someOf(choices.operations),
  arithmetic: someOf(choices.arithmetic),
  beside: (text) => (text === "" ? [] : someOf(choices.beside)(text)),
  threads: (text) => {
    const counts = text.split(".").map(Number);
    return counts.every((count) => whole(count, 1, mostThreads)) ? ascending(counts) : undefined;
  },
  n: oneOf(choices.n),
  cache: oneOf(choices.cache),
  heads: oneOf(choices.heads),
  headDim: oneOf(choices.headDim),
  causal: (text) => ({ 0: false, 1: true })[text],
  k: oneOf(choices.k),
  // A number with a dot is one choice, not two.
  seconds: oneOf(choices.seconds),
  seed: (text) => (/^\d+$/.test(text) && whole(Number(text), 1, mostSeed) ? Number(text) : undefined),
};

function whole(value: number, least: number, most: number): boolean {
  return Number.isInteger(value) && value >= least && value <= most;
}

/** Without repetitions. */
export function ascending(counts: readonly number[]): number[] {
  return [...new Set(counts)].sort((a, b) => a - b);
}

function oneOf(legal: readonly number[]): (text: string) => number | undefined {
  return (text) => legal.find((value) => String(value) === text);
}

/** Some of the legal names, in their own order. */
function someOf<Name extends string>(legal: readonly Name[]): (text: string) => Name[] | undefined {
  return (text) => {
    const names = text.split(".");
    if (!names.every((name) => (legal as readonly string[]).includes(name))) return undefined;
    return legal.filter((name) => names.includes(name));
  };
}
