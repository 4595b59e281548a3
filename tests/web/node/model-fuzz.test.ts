/**
 * Files of a model, spoiled at random: each is loaded and used, or refused with a HeedError that says why; nothing
 * crashes, hangs, or takes the instance along. Mutations come from a seed; HEED_TEST_SEED tries others.
 */
import { create, HeedError, type Heed } from "heed/sync";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Random } from "../support/random.js";
import { fileWith } from "../support/safetensors.js";
import { modelFile, tinyModel, tinyTokenizer } from "../support/tiny-model.js";

const seed = Number(process.env["HEED_TEST_SEED"] ?? 1);
/** Chosen: a tiny model loads in a few milliseconds; the machine may be busy. */
const longestMs = 5000;

let heed: Heed;
beforeAll(async () => {
  heed = await create({ threads: 1, maximumMemory: 2 ** 28 });
});
afterAll(() => heed.dispose());

const model = tinyModel({ num_hidden_layers: 1 });
const weights = modelFile(model);
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

class Mutator extends Random {
  below(n: number): number {
    return Math.min(n - 1, Math.floor(this.uniform() * n));
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)]!;
  }

  /** A value where none of its kind is expected. */
  odd(): unknown {
    return this.pick<unknown>([
      ...[null, true, false, "", "x", "-1", "\ud800", "constructor", "__proto__", "0".repeat(2000)],
      ...[0, -1, 1, 2, 3, 7, 0.5, -0, 1e-320, 1e308, 2 ** 31, 2 ** 32, 2 ** 53, -(2 ** 53), 61, 60],
      ...[[], {}, [[]], [null], { type: "x" }, { Regex: "(a+)+$" }, { Regex: "(" }, { String: " " }, [1, 2, 3]],
    ]);
  }

  /** One place of a JSON value replaced, removed, or doubled. */
  json(value: unknown): unknown {
    const copy: unknown = structuredClone(value);
    const holders: [Record<string, unknown>, string][] = [];
    const visit = (at: unknown): void => {
      if (typeof at !== "object" || at === null) return;
      for (const name of Object.keys(at)) {
        holders.push([at as Record<string, unknown>, name]);
        visit((at as Record<string, unknown>)[name]);
      }
    };
    visit(copy);
    for (let changes = 1 + this.below(3); changes > 0; --changes) {
      const [holder, name] = this.pick(holders);
      const kind = this.below(4);
      if (kind === 0) delete holder[name];
      else if (kind === 1) holder[name] = structuredClone(this.pick(holders)[0]);
      else holder[name] = this.odd();
    }
    return copy;
  }

  /** Bytes flipped, cut off, inserted, or repeated; mostly near the start, where the structure is. */
  bytes(from: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const at = this.below(this.below(3) === 0 ? from.length : Math.min(from.length, 2500));
    const kind = this.below(5);
    if (kind === 0) return from.slice(0, at);
    if (kind === 1) {
      const longer = new Uint8Array(from.length + 1 + this.below(100));
      longer.set(from.subarray(0, at));
      longer.set(from.subarray(at), longer.length - (from.length - at));
      return longer;
    }
    const spoiled = from.slice();
    for (let i = 0; i <= this.below(8); ++i) spoiled[(at + i * this.below(30)) % from.length] = this.below(256);
    if (kind === 2) spoiled.copyWithin(at, this.below(from.length), this.below(from.length));
    return spoiled;
  }

  /** The header of a safetensors file rewritten, with its data as it was. */
  header(from: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
    const length = Number(new DataView(from.buffer).getBigUint64(0, true));
    const header = JSON.parse(new TextDecoder().decode(from.subarray(8, 8 + length))) as Record<string, unknown>;
    const entries = Object.entries(header).filter(([name]) => name !== "__metadata__");
    const [name, entry] = this.pick(entries) as [string, Record<string, unknown>];
    const kind = this.below(7);
    if (kind === 0) delete header[name];
    else if (kind === 1) header[`${name}${this.pick([".scale", "x", ".bias"])}`] = entry;
    else if (kind === 2) header[this.pick(entries)[0]] = entry;
    else if (kind === 3) entry["dtype"] = this.pick(["F16", "BF16", "I8", "F64", "BOOL", this.odd()]);
    else if (kind === 4) entry["shape"] = this.pick([[32], [2 ** 30, 2 ** 30], [0], [], [-1, -1], this.odd()]);
    else if (kind === 5) entry["data_offsets"] = this.pick([[0, 0], [0, 2 ** 53], [8, 4], [NaN, 4], this.odd()]);
    else Object.assign(entry, this.json(entry));
    return fileWith(header, from.subarray(8 + length));
  }
}

interface Files {
  config: unknown;
  weights: Uint8Array<ArrayBuffer>;
  tokenizer: unknown;
}

const right: Files = { config: encode(model.config), weights, tokenizer: encode(tinyTokenizer()) };

/** What came of files: used, or the error that refused them. */
async function outcome(files: Partial<Files>): Promise<string> {
  try {
    const decoder = await heed.Decoder.load({ ...right, ...files } as Parameters<typeof heed.Decoder.load>[0]);
    try {
      const tokens = [...decoder.generate("the sea", { tokens: 3, temperature: 1 })];
      expect(tokens.every(({ id }) => id >= 0 && id < decoder.info.vocabulary)).toBe(true);
      decoder.score([1, 2, 3]);
      decoder.decode([0, 1, 2, 3]);
    } finally {
      decoder.dispose();
    }
    return "used";
  } catch (error) {
    if (!(error instanceof HeedError)) throw error;
    expect(["invalid-argument", "shape-mismatch", "unsupported", "out-of-memory", "non-finite"]).toContain(error.code);
    expect(error.message.length).toBeGreaterThan(10);
    expect(error.message.length).toBeLessThan(1000);
    return error.message;
  }
}

async function fuzz(cases: number, mutate: (mutator: Mutator) => Partial<Files>): Promise<Map<string, number>> {
  const outcomes = new Map<string, number>();
  for (let i = 0; i < cases; ++i) {
    const mutator = new Mutator(seed * 1_000_003 + i);
    const began = performance.now();
    let came: string;
    try {
      came = await outcome(mutate(mutator));
    } catch (error) {
      throw new Error(`case ${i} of seed ${seed}`, { cause: error });
    }
    expect(performance.now() - began, `case ${i} of seed ${seed}: ${came}`).toBeLessThan(longestMs);
    const kind = came === "used" ? came : "refused";
    outcomes.set(kind, (outcomes.get(kind) ?? 0) + 1);
  }
  // The instance has survived all of it.
  expect(await outcome({})).toBe("used");
  return outcomes;
}

test("right files are used", async () => {
  expect(await outcome({})).toBe("used");
});

test("config.json, field by field", async () => {
  const outcomes = await fuzz(250, (mutator) => ({ config: mutator.json(model.config) }));
  expect(outcomes.get("refused")).toBeGreaterThan(100);
});

test("config.json, byte by byte", async () => {
  await fuzz(150, (mutator) => ({ config: mutator.bytes(encode(model.config)) }));
});

test("safetensors: headers that lie", async () => {
  const outcomes = await fuzz(250, (mutator) => ({ weights: mutator.header(weights) }));
  expect(outcomes.get("refused")).toBeGreaterThan(150);
});

test("safetensors, byte by byte: cut off, too long, changed", async () => {
  const outcomes = await fuzz(250, (mutator) => ({ weights: mutator.bytes(weights) }));
  expect(outcomes.get("refused")).toBeGreaterThan(100);
});

test("tokenizer.json, field by field", async () => {
  const outcomes = await fuzz(250, (mutator) => ({ tokenizer: mutator.json(tinyTokenizer()) }));
  expect(outcomes.get("refused")).toBeGreaterThan(50);
});

test("tokenizer.json, byte by byte", async () => {
  const outcomes = await fuzz(150, (mutator) => ({ tokenizer: mutator.bytes(encode(tinyTokenizer())) }));
  expect(outcomes.get("refused")).toBeGreaterThan(50);
});

test("nothing is left behind by files that were refused", async () => {
  await outcome({});
  const before = heed.memory().liveBytes;
  await fuzz(60, (mutator) => ({ weights: mutator.bytes(weights) }));
  expect(heed.memory().liveBytes).toBe(before);
});
