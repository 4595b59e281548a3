/** Decoders in the worker: the same numbers as heed/sync, cancelling, and what ends with what. */
import { create, type Heed } from "heed";
import { create as createSync } from "heed/sync";
import { afterAll, beforeAll, expect, test } from "vitest";

import { modelFile, tinyModel, tinyTokenizer } from "../support/tiny-model.js";

let heed: Heed;
beforeAll(async () => {
  heed = await create({ threads: 1 });
});
afterAll(() => heed.dispose());

const model = tinyModel({ max_position_embeddings: 4096 });
const files = { config: model.config, weights: modelFile(model), tokenizer: tinyTokenizer() };
const ids = Array.from({ length: 3000 }, (_, i) => 3 + ((i * i * 7 + 11 * i) % 58));

test("gives what heed/sync gives, bit for bit, and leaves the files with their owner", async () => {
  const sync = await createSync({ threads: 1, variant: heed.info.variant });
  const [here, there] = [await sync.Decoder.load(files), await heed.Decoder.load(files)];
  expect(files.weights.byteLength).toBeGreaterThan(0);
  expect(there.info).toEqual(here.info);
  const options = { attention: { keep: { k: 4 } }, tokens: 8, temperature: 1, seed: 5, stop: [] };
  const expected = [...here.generate("the sea", options)].map(({ id, text, logprob }) => ({ id, text, logprob }));
  const got = [];
  for await (const { id, text, logprob } of there.generate("the sea", options)) got.push({ id, text, logprob });
  expect(got).toEqual(expected);
  expect((await there.score(ids.slice(0, 99))).losses).toEqual(here.score(ids.slice(0, 99)).losses);
  expect((await there.profile(ids.slice(0, 50))).entropy).toEqual(here.profile(ids.slice(0, 50)).entropy);
  expect(await there.decode(await there.encode("the cat"))).toBe("the cat");
  await there.dispose();
  sync.dispose();
});

test("weights as a Blob in several parts, with progress", async () => {
  const told: number[] = [];
  const onProgress = ({ loaded, total }: { loaded: number; total: number }) => told.push(loaded / total);
  const decoder = await heed.Decoder.load({
    ...files,
    weights: [new Blob([files.weights])],
    dtype: "int8",
    onProgress,
  });
  expect(told.at(-1)).toBe(1);
  expect(told).toEqual([...told].sort((a, b) => a - b));
  expect(decoder.info.dtype).toBe("int8");
  await decoder.dispose();
});

test("a cancelled prompt, score or loading rejects with the reason, and everything works on", async () => {
  const decoder = await heed.Decoder.load(files);
  const reason = new Error("enough");
  const cancelling = () => {
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 30);
    return { signal: controller.signal };
  };
  await expect(decoder.score(ids, cancelling())).rejects.toBe(reason);
  await expect(decoder.generate(ids, cancelling()).next()).rejects.toBe(reason);
  const aborted = { signal: AbortSignal.abort(reason) };
  await expect(heed.Decoder.load({ ...files, ...aborted })).rejects.toBe(reason);
  const tokens = [];
  for await (const token of decoder.generate(ids.slice(0, 5), { tokens: 3, stop: [] })) tokens.push(token);
  expect(tokens).toHaveLength(3);
  // A loop that is left early ends its continuation.
  for await (const token of decoder.generate(ids.slice(0, 5), { stop: [] })) if (token.position === 6) break;
  await decoder.dispose();
  await expect(decoder.score([1, 2])).rejects.toMatchObject({ code: "disposed" });
});

test("files that are no model are refused before anything is posted", async () => {
  await expect(heed.Decoder.load({ ...files, config: {} })).rejects.toThrow(/model_type of config is missing/);
  await expect(heed.Decoder.load({ ...files, weights: new Uint8Array(4) })).rejects.toThrow(/weights has 4 bytes/);
  await expect(heed.Decoder.load({ ...files, dtype: "f8" as never })).rejects.toThrow(/dtype is the string "f8"/);
  await expect(heed.Decoder.load({ ...files, tokenizer: {} })).rejects.toThrow(/model of tokenizer/);
});
