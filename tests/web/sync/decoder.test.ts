/** Decoders of random weights against the oracle: every shape of the architecture, every policy, every type. */
import { create, HeedError, type AttentionPolicy, type DecoderType, type Heed } from "heed/sync";
import { afterAll, beforeAll, describe, expect, test } from "vitest";

import { referenceDecode, referenceLosses, type ReferencePolicy } from "../support/reference-decoder.js";
import { levelsOf, modelFile, tinyModel, tinyTokenizer, type FileType, type TinyModel } from "../support/tiny-model.js";

let heed: Heed;
beforeAll(async () => {
  heed = await create({ threads: 1 });
});
afterAll(() => heed.dispose());

const ids = Array.from({ length: 40 }, (_, i) => 3 + ((i * i * 7 + 11 * i) % 58));
const load = (model: TinyModel, options: object = {}, type: FileType = "F32") =>
  heed.Decoder.load({ config: model.config, weights: modelFile(model, type), ...options });

/** Chosen: single precision through two layers; losses here are near 5 nats. */
const closeEnough = 2e-4;

async function expectLosses(model: TinyModel, attention?: AttentionPolicy, policy?: ReferencePolicy) {
  const decoder = await load(model);
  const { losses, loss } = decoder.score(ids, attention ? { attention } : {});
  const expected = referenceLosses(referenceDecode(model.config, model.tensors, ids, () => policy).logits, ids);
  expect(losses).toHaveLength(ids.length - 1);
  for (const [i, one] of expected.entries())
    expect(Math.abs(losses[i]! - one), `token ${i + 1}`).toBeLessThan(closeEnough);
  expect(loss).toBeCloseTo(expected.reduce((sum, one) => sum + one, 0) / expected.length, 4);
  decoder.dispose();
}

describe("shapes", () => {
  const yarn = { rope_type: "yarn", factor: 4, original_max_position_embeddings: 16 };
  const llama3 = {
    rope_type: "llama3",
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 32,
  };
  test.each<[string, Record<string, unknown>]>([
    ["llama", {}],
    ["untied", { tie_word_embeddings: false }],
    ["all heads alike", { num_key_value_heads: 4 }],
    ["one key head", { num_key_value_heads: 1 }],
    ["heads wider than the model", { head_dim: 16 }],
    ["biases everywhere", { attention_bias: true, mlp_bias: true }],
    ["qwen2", { model_type: "qwen2", architectures: ["Qwen2ForCausalLM"] }],
    ["qwen3", { model_type: "qwen3", architectures: ["Qwen3ForCausalLM"] }],
    ["mistral", { model_type: "mistral", architectures: ["MistralForCausalLM"], sliding_window: null }],
    ["sizes that are no multiples", { hidden_size: 36, intermediate_size: 45, num_attention_heads: 6, head_dim: 6 }],
    ["linear", { rope_scaling: { type: "linear", factor: 4 } }],
    ["dynamic", { rope_scaling: { rope_type: "dynamic", factor: 4, original_max_position_embeddings: 16 } }],
    ["llama3", { rope_scaling: llama3 }],
    ["yarn", { rope_scaling: yarn }],
  ])("%s", (_name, changes) => expectLosses(tinyModel(changes)));
});

describe("policies", () => {
  const model = tinyModel();
  test.each<[string, AttentionPolicy, ReferencePolicy]>([
    ["k = 5, linear", { keep: { k: 5 } }, { k: () => 5 }],
    ["k = 5, compensated", { keep: { k: 5 }, estimator: "compensated" }, { k: () => 5, estimator: "compensated" }],
    ["k = 5, renormalized", { keep: { k: 5 }, estimator: "renormalized" }, { k: () => 5, estimator: "renormalized" }],
    ["k = 5, raw", { keep: { k: 5 }, estimator: "raw" }, { k: () => 5, estimator: "raw" }],
    ["n^0.5", { keep: { alpha: 1, exponent: 0.5 } }, { k: (n) => Math.ceil(n ** 0.5 - 1e-9) }],
    ["a share", { keep: { mass: 0.8 }, estimator: "renormalized" }, { mass: 0.8, estimator: "renormalized" }],
    ["a window", { window: 6 }, { window: 6 }],
    ["a window with sinks", { window: 6, sinks: 2 }, { window: 6, sinks: 2 }],
    ["keys of a window", { keep: { k: 3 }, window: 9 }, { k: () => 3, window: 9 }],
  ])("%s", (_name, attention, policy) => expectLosses(model, attention, policy));

  test("one for each layer, and one for each head", async () => {
    const decoder = await load(model);
    const reference = (policy: (layer: number, head: number) => ReferencePolicy | undefined) =>
      referenceLosses(referenceDecode(model.config, model.tensors, ids, policy).logits, ids);
    const check = (
      attention: AttentionPolicy,
      policy: (layer: number, head: number) => ReferencePolicy | undefined,
    ) => {
      const expected = reference(policy);
      decoder
        .score(ids, { attention })
        .losses.forEach((one, i) => expect(Math.abs(one - expected[i]!)).toBeLessThan(closeEnough));
    };
    check(["exact", { keep: { k: 3 } }], (layer) => (layer === 1 ? { k: () => 3 } : undefined));
    const keep = [{ k: 2 }, { k: 40 }, { k: 4 }, { k: 8 }];
    check({ keep }, (_, head) => ({ k: () => keep[head]!.k }));
    decoder.dispose();
  });
});

/** The weights as they are kept: what the oracle then computes with. */
function kept({ tensors, shapes }: TinyModel, type: DecoderType, file: FileType): Map<string, ArrayLike<number>> {
  return new Map(
    [...tensors].map(([name, values]) => {
      const columns = shapes.get(name)![1];
      // Vectors are kept as the file has them.
      if (columns === undefined ? file !== "BF16" : type === "f32" || type === "f16") return [name, values];
      if (columns === undefined || type === "bf16") {
        const bits = new Uint32Array(values.slice().buffer).map(
          (word) => (word + 0x7fff + ((word >>> 16) & 1)) & 0xffff0000,
        );
        return [name, new Float32Array(bits.buffer)];
      }
      const { levels, scales } = levelsOf(values, columns);
      return [name, Float32Array.from(levels, (level, i) => level * scales[Math.floor(i / columns)]!)];
    }),
  );
}

test.each<[DecoderType, FileType]>([
  ["f32", "F16"],
  ["f16", "F32"],
  ["bf16", "F32"],
  ["bf16", "BF16"],
  ["int8", "F32"],
  ["int8", "I8"],
  ["f32", "I8"],
])("weights kept as %s, from %s", async (dtype, type) => {
  const model = tinyModel();
  // Half floats are often half-way between two levels, where single and double precision round apart.
  if (type === "F32" && dtype === "int8") {
    for (const values of model.tensors.values()) values.forEach((x, i) => (values[i] = x + 1e-4 * Math.sin(1 + i)));
  }
  const decoder = await load(model, { dtype }, type);
  expect(decoder.info).toMatchObject({ dtype, family: "llama", layers: 2, text: false });
  // Numbers of a file of levels are what the levels say.
  const tensors = kept(model, type === "I8" ? "int8" : dtype, type);
  const expected = referenceLosses(referenceDecode(model.config, tensors, ids).logits, ids);
  decoder.score(ids).losses.forEach((one, i) => expect(Math.abs(one - expected[i]!)).toBeLessThan(1e-3));
  decoder.dispose();
});

test("weights kept as int4 are coarser, and take less room", async () => {
  const model = tinyModel();
  const [coarse, fine] = [await load(model, { dtype: "int4" }), await load(model, { dtype: "int8" })];
  expect(coarse.info.weightBytes).toBeLessThan(fine.info.weightBytes);
  const [a, b] = [coarse.score(ids), fine.score(ids)];
  expect(a.losses.every(Number.isFinite)).toBe(true);
  expect(Math.abs(a.loss - b.loss)).toBeLessThan(1.5);
  for (const decoder of [coarse, fine]) decoder.dispose();
});

describe("generating", () => {
  const model = tinyModel();
  const withText = { tokenizer: tinyTokenizer() };

  test("takes the likeliest tokens of the oracle, and says how likely they were", async () => {
    const decoder = await load(model);
    const tokens = [...decoder.generate(ids.slice(0, 9), { tokens: 12, stop: [] })];
    const all = [...ids.slice(0, 9), ...tokens.map(({ id }) => id)];
    const { logits } = referenceDecode(model.config, model.tensors, all);
    const losses = referenceLosses(logits, all);
    for (const [i, token] of tokens.entries()) {
      const row = logits[8 + i]!;
      expect(row[token.id]).toBeCloseTo(Math.max(...row), 3);
      expect(-token.logprob).toBeCloseTo(losses[8 + i]!, 3);
      expect(token).toMatchObject({ position: 9 + i, cacheTokens: 9 + i, reused: i === 0 ? 0 : 9 });
    }
    expect(tokens.map(({ end }) => end).filter(Boolean)).toEqual(["tokens"]);
    decoder.dispose();
  });

  test("a prompt that begins alike is computed from where it differs, to the same end", async () => {
    const [once, again] = [await load(model), await load(model)];
    const options = { tokens: 6, stop: [] };
    const first = [...once.generate(ids.slice(0, 20), options)];
    const longer = [...ids.slice(0, 20), ...first.slice(0, 3).map(({ id }) => id), 9, 8, 7];
    const [reusing] = once.generate(longer, options);
    const [fresh] = again.generate(longer, options);
    expect(reusing!.reused).toBe(23);
    expect(fresh!.reused).toBe(0);
    expect(reusing!.id).toBe(fresh!.id);
    expect(reusing!.logprob).toBeCloseTo(fresh!.logprob, 4);
    // Other attention leaves other keys: nothing is taken over.
    const [other] = once.generate(longer, { ...options, attention: { keep: { k: 4 } } });
    expect(other!.reused).toBe(0);
    once.dispose();
    again.dispose();
  });

  test("draws follow the seed", async () => {
    const decoder = await load(model, withText);
    const draw = (seed: number) =>
      [...decoder.generate("the sea", { tokens: 20, temperature: 20, topP: 0.9, seed, stop: [] })].map(({ id }) => id);
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const text = [...decoder.generate("the sea", { tokens: 20, stop: [] })];
    expect(text.map((token) => token.text).join("")).toBe(
      decoder.decode([...decoder.encode("the sea"), ...text.map(({ id }) => id)]).slice(7),
    );
    decoder.dispose();
  });

  test("a profile tells what was dropped, and ends tell why", async () => {
    const decoder = await load(model, { capacity: 12 });
    const tokens = [...decoder.generate(ids.slice(0, 10), { attention: { keep: { k: 2 } }, profile: true, stop: [] })];
    expect(tokens.at(-1)!.end).toBe("capacity");
    expect(tokens).toHaveLength(3);
    const { dropped } = referenceDecode(
      model.config,
      model.tensors,
      [...ids.slice(0, 10), ...tokens.map(({ id }) => id)],
      () => ({ k: () => 2 }),
    );
    tokens.slice(1).forEach(({ profile }, i) => {
      profile!.dropped.forEach((one, at) => expect(one).toBeCloseTo(dropped[10 + i]![at]!, 4));
      expect([...profile!.kept]).toEqual(Array(8).fill(2));
    });
    expect(tokens[0]!.report).toBeUndefined();
    const stop = [tokens[0]!.id];
    expect(
      [...decoder.generate(ids.slice(0, 10), { attention: { keep: { k: 2 } }, stop })].map(({ end }) => end),
    ).toEqual(["stop"]);
    decoder.dispose();
  });
});

describe("a report", () => {
  const model = tinyModel();
  const prompt = ids.slice(0, 20);
  const tokensOf = async (attention: AttentionPolicy) => {
    const decoder = await load(model);
    const tokens = [...decoder.generate(prompt, { attention, tokens: 5, report: true, stop: [] })];
    decoder.dispose();
    return tokens;
  };
  const average = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((sum, x) => sum + x, 0) / numbers.length;

  test("tells what the policy dropped, as the oracle sees it", async () => {
    // Screening in bytes takes the mass of the others from rounded scores; the exact search does not.
    const tokens = await tokensOf({ keep: { k: 3 }, search: "exact" });
    const all = [...prompt, ...tokens.map(({ id }) => id)];
    const { dropped } = referenceDecode(model.config, model.tensors, all, () => ({ k: () => 3 }));
    tokens.forEach((token, i) => {
      const report = token.report!;
      const rows = i === 0 ? dropped.slice(0, 20) : [dropped[19 + i]!];
      report.dropped.forEach((one, at) => {
        expect(one).toBeCloseTo(average(rows.map((row) => row[at]!)), 4);
        expect(report.bound[at]).toBeGreaterThanOrEqual(one);
      });
      expect(token.dropped).toBeCloseTo(average(report.dropped), 12);
      // 1, 2 and then 3 of each of the prompt's rows.
      expect([...report.kept]).toEqual(Array(8).fill(i === 0 ? (1 + 2 + 18 * 3) / 20 : 3));
      expect([...report.seen]).toEqual(Array(8).fill(i === 0 ? 10.5 : 20 + i));
      expect(token.profile).toBeUndefined();
    });
  });

  test("of exact attention says that nothing is dropped", async () => {
    for (const { report, dropped } of await tokensOf("exact")) {
      expect(dropped).toBe(0);
      expect([...report!.dropped, ...report!.bound]).toEqual(Array(16).fill(0));
      expect([...report!.kept]).toEqual([...report!.seen]);
    }
  });

  test("of a window counts what it leaves, and says of the rest that it is not known", async () => {
    for (const { report, dropped } of (await tokensOf(["exact", { window: 6, sinks: 2 }])).slice(1)) {
      expect(dropped).toBeNaN();
      expect(report!.seen[4]).toBe(8);
      expect(report!.seen[3]).toBeGreaterThan(20);
      expect(report!.dropped[4]).toBe(0);
    }
  });
});

test("wrong calls are refused, and the decoder works on", async () => {
  const decoder = await load(tinyModel());
  const call =
    (...args: unknown[]) =>
    () => [...decoder.generate(...(args as Parameters<typeof decoder.generate>))];
  const gone = new Uint32Array(3);
  structuredClone(gone, { transfer: [gone.buffer] });
  for (const [wrong, message] of [
    [call("text"), /without a tokenizer/],
    [call([]), /prompt has no ids/],
    [call([61]), /prompt\[0\] is 61; an integer from 0 to 60/],
    [call(gone), /the buffer of prompt was transferred away/],
    [call([1], { topP: 0 }), /topP is 0/],
    [call([1], { temperature: -1 }), /temperature is -1/],
    [call([1], { tokens: 0 }), /tokens is 0/],
    [call([1], { report: 1 }), /report is 1/],
    [call([1], { attention: "some" }), /attention is the string "some"; "exact"/],
    [call([1], { attention: {} }), /neither keep nor window/],
    [call([1], { attention: ["exact"] }), /attention is an array of 1; one policy for each of the 2 layers/],
    [call([1], { attention: { keep: { k: 0 } } }), /attention: keep.k is 0/],
    [call([1], { attention: { keep: [{ k: 1 }] } }), /attention: keep is an array of 1/],
    [call([1], { atention: "exact" }), /generate has no option "atention"/],
    [call(Array(65).fill(1)), /the text has 65 tokens, and the decoder's capacity is 64/],
    [() => decoder.score(Array(70).fill(1)), /69 tokens to run/],
  ] as const) {
    expect(wrong).toThrow(message);
    expect(wrong).toThrow(HeedError);
  }
  const stopped = AbortSignal.abort(new Error("enough"));
  expect(call([1], { signal: stopped })).toThrow("enough");
  expect([...decoder.generate([1, 2, 3], { tokens: 2, stop: [] })]).toHaveLength(2);
  expect(decoder.score([1]).loss).toBeNaN();
  decoder.dispose();
  decoder.dispose();
  expect(call([1])).toThrow(/disposed/);
});
