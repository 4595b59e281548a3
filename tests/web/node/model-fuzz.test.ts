/**
 * Files of a model, spoiled at random: each is loaded and used, or refused with a HeedError that says why; nothing
 * crashes, hangs, or takes the instance along. Mutations come from a seed; HEED_TEST_SEED tries others.
 */
import { create, HeedError, type Heed } from "heed/sync";
import { afterAll, beforeAll, expect, test } from "vitest";

import { Mutator } from "../support/mutator.js";
import { Random } from "../support/random.js";
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
    const mutator = new Mutator(new Random(seed * 1_000_003 + i));
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
