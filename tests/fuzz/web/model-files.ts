/**
 * Target "model-files": config.json, tokenizer.json and weights, spoiled alone or together. They are refused, or make a
 * model that generates, scores, and turns text into tokens and back; whatever came of them, nothing is left behind.
 */
import { create, type Decoder } from "heed/sync";

import { Mutator } from "../../web/support/mutator.js";
import { modelFile, tinyModel, tinyTokenizer } from "../../web/support/tiny-model.js";
import type { Bytes } from "./bytes.js";
import { fuzz } from "./driver.js";
import { expect, expectRefusal } from "./refusals.js";

const heed = await create({ threads: 1, maximumMemory: 2 ** 28 });
const encode = (value: unknown) => new TextEncoder().encode(JSON.stringify(value));

const model = tinyModel({ num_hidden_layers: 1 });
const qwen = tinyModel({ num_hidden_layers: 1, model_type: "qwen3" });
const weights = [modelFile(model), modelFile(model, "I8"), modelFile(qwen, "F16")];
const configs = [
  model.config,
  qwen.config,
  { ...model.config, rope_scaling: { rope_type: "llama3", factor: 8, low_freq_factor: 1, high_freq_factor: 4 } },
  { ...model.config, sliding_window: 4, attention_bias: false, hidden_act: "silu", quantization_config: undefined },
];
const tokenizer = tinyTokenizer();

function use(decoder: Decoder, bytes: Bytes): void {
  const tokens = [...decoder.generate("the sea", { tokens: 3, temperature: bytes.below(3) / 2, seed: bytes.below(9) })];
  expect(
    tokens.every(({ id }) => Number.isInteger(id) && id >= 0 && id < decoder.info.vocabulary),
    "a token outside the vocabulary",
  );
  const { loss, losses } = decoder.score([1, 2, 3]);
  expect(losses.length === 2, `${losses.length} losses of 3 tokens`);
  expect(Number.isFinite(loss) && loss >= 0, `the loss is ${loss}`);
  const text = new TextDecoder().decode(bytes.take(40));
  const ids = decoder.encode(text);
  expect(
    [...ids].every((id) => Number.isInteger(id) && id >= 0 && id < decoder.info.vocabulary),
    "text becomes a token outside the vocabulary",
  );
  expect(typeof decoder.decode(ids) === "string", "tokens become no text");
}

async function load(files: Record<string, unknown>, bytes: Bytes): Promise<void> {
  let decoder: Decoder;
  try {
    decoder = await heed.Decoder.load(files as unknown as Parameters<typeof heed.Decoder.load>[0]);
  } catch (error) {
    return expectRefusal(error);
  }
  try {
    use(decoder, bytes);
  } catch (error) {
    expectRefusal(error);
  } finally {
    decoder.dispose();
  }
}

const before = heed.memory().liveBytes;

await fuzz({
  maxLength: 1024,
  async run(bytes) {
    const mutator = new Mutator(bytes);
    const spoiled = bytes.below(8);
    const config = bytes.pick(configs);
    const files = {
      config: spoiled & 1 ? (bytes.flag() ? mutator.json(config) : mutator.bytes(encode(config))) : config,
      weights: bytes.pick(weights),
      tokenizer: spoiled & 2 ? (bytes.flag() ? mutator.json(tokenizer) : mutator.bytes(encode(tokenizer))) : tokenizer,
    };
    if (spoiled & 4) files.weights = bytes.flag() ? mutator.header(files.weights) : mutator.bytes(files.weights);
    await load(files, bytes);
    expect(heed.memory().liveBytes === before, `${heed.memory().liveBytes - before} bytes are left behind`);
  },
});
