/**
 * The model of the lab on text that it has not seen: the bytes that are published with the lab, and where a folder is
 * named by HEED_F16_MODEL also the float16 original, which is held to tighter numbers.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

import { create, type AttentionPolicy, type Decoder, type Heed } from "heed/sync";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

const assets = fileURLToPath(new URL("../../../web/lab/assets/", import.meta.url));
const golden = JSON.parse(readFileSync(join(assets, "decoder", "golden.json"), "utf8")) as {
  prompt: string;
  prompt_ids: number[];
  greedy_ids: number[];
  last_position_logits_first_64: number[];
};
const novel = (name: string) => readFileSync(join(assets, "text", `${name}.txt`), "utf8");
const persuasion = novel("austen-persuasion");

let heed: Heed;
beforeAll(async () => {
  heed = await create();
});
afterAll(() => heed.dispose());

function load(folder: string, config = {}): Promise<Decoder> {
  const index = join(folder, "model.safetensors.index.json");
  return heed.Decoder.load({
    config: join(folder, "config.json"),
    weights: existsSync(index) ? index : join(folder, "model.safetensors"),
    tokenizer: join(folder, "tokenizer.json"),
    ...config,
  });
}

/** Logits up to a constant: ln p of each of the first 64 tokens after the prompt. */
function logits(decoder: Decoder): number[] {
  return golden.last_position_logits_first_64.map((_, id) => {
    const { losses } = decoder.score([...golden.prompt_ids, id]);
    return -losses.at(-1)!;
  });
}

function worstLogit(decoder: Decoder): number {
  const difference = logits(decoder).map((one, id) => one - golden.last_position_logits_first_64[id]!);
  const mean = difference.reduce((sum, one) => sum + one, 0) / difference.length;
  return Math.max(...difference.map((one) => Math.abs(one - mean)));
}

function checkGreedy(decoder: Decoder): void {
  const tokens = golden.greedy_ids.length - golden.prompt_ids.length;
  const told = [...decoder.generate(golden.prompt, { bos: true, tokens, stop: [] })];
  expect([...golden.prompt_ids, ...told.map(({ id }) => id)]).toEqual(golden.greedy_ids);
  // Token by token, and all at once: the same probabilities.
  const { losses } = decoder.score(golden.greedy_ids);
  told.forEach(({ logprob }, i) =>
    expect(Math.abs(logprob + losses[golden.prompt_ids.length - 1 + i]!)).toBeLessThan(2e-3),
  );
}

/** Loss on the text from "Sir Walter Elliot", as tests/golden/qkv has it. */
function lossOfPersuasion(decoder: Decoder, attention: AttentionPolicy = "exact"): number {
  const text = persuasion.slice(persuasion.indexOf("Sir Walter Elliot")).slice(0, 20_000);
  return decoder.score(decoder.encode(text, { bos: true }).slice(0, 2048), { attention }).loss;
}

describe("as bytes", () => {
  let decoder: Decoder;
  beforeAll(async () => {
    decoder = await load(join(assets, "decoder"));
  });

  test("the same greedy text as the float16 original", () => checkGreedy(decoder));

  // Chosen from what was measured: 0.16 at worst among these 64, of logits from -12 to 11.
  test("logits within 0.25 of those of the original", () => {
    expect(worstLogit(decoder)).toBeLessThan(0.25);
  });

  test("at most 0.01 nats a token from the original", () => {
    expect(Math.abs(lossOfPersuasion(decoder) - 3.36353)).toBeLessThan(0.01);
  });

  test.each(["austen-persuasion", "doyle-valley-of-fear"])("8 keys with the linear tail on %s", (name) => {
    const ids = decoder.encode(novel(name).slice(0, 20_000), { bos: true }).slice(0, 2048);
    const exact = decoder.score(ids).loss;
    const more = (estimator: "linear" | "renormalized") =>
      decoder.score(ids, { attention: { keep: { k: 8 }, estimator } }).loss - exact;
    expect(more("linear")).toBeLessThan(0.015);
    expect(more("renormalized")).toBeGreaterThan(0.1);
  });
});

const original = process.env["HEED_F16_MODEL"];
describe.skipIf(original === undefined)("the float16 original", () => {
  test("greedy text, logits within 2e-3, loss within 1e-3", async () => {
    const decoder = await load(original!);
    checkGreedy(decoder);
    expect(worstLogit(decoder)).toBeLessThan(2e-3);
    expect(Math.abs(lossOfPersuasion(decoder) - 3.36353)).toBeLessThan(1e-3);
    decoder.dispose();
  });
});
