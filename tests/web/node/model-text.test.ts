/** Text to tokens and back, and the files that are refused. */
import * as library from "@huggingface/tokenizers";
import { describe, expect, test } from "vitest";

import { nestsRepetition } from "../../../web/src/model/pattern.js";
import { Pieces, TextCodec, type TokenizersLibrary } from "../../../web/src/model/text.js";
import { Random } from "../support/random.js";
import { tinyTokenizer } from "../support/tiny-model.js";

const codec = (tokenizer: unknown = tinyTokenizer(), tokenizerConfig: unknown = undefined, bos?: number) =>
  new TextCodec(library as unknown as TokenizersLibrary, { tokenizer, tokenizerConfig, vocabulary: 61, bos });
const changed = (path: string[], value: unknown) => {
  const tokenizer = tinyTokenizer();
  const holder = path.slice(0, -1).reduce((at, name) => at[name] as Record<string, unknown>, tokenizer);
  holder[path.at(-1)!] = value;
  return tokenizer;
};

test("merges apply in their order, and ids give the text back", () => {
  const text = codec();
  // "the", " a" of its own, "s", "e", "a"
  expect([...text.encode("the a", undefined)]).toEqual([58, 59]);
  expect(text.decode([...text.encode("the cat in a hat, 42!", undefined)])).toBe("the cat in a hat, 42!");
  expect(text.decode([])).toBe("");
  expect([...text.encode("", undefined)]).toEqual([]);
});

test("a text begins with bos where the files or the caller say so", () => {
  expect([...codec(tinyTokenizer(), undefined, 1).encode("the", undefined)]).toEqual([58]);
  expect([...codec(tinyTokenizer(), { add_bos_token: true }, 1).encode("the", undefined)]).toEqual([1, 58]);
  expect([...codec(tinyTokenizer(), { add_bos_token: true }, 1).encode("the", false)]).toEqual([58]);
  expect([...codec(tinyTokenizer(), undefined, 1).encode("<s>the", true)]).toEqual([1, 58]);
  expect(() => codec().encode("the", true)).toThrow(/names no bos_token_id/);
});

test("special tokens do not show in text", () => {
  expect(codec().decode([1, 58, 0])).toBe("the");
});

describe("pieces of a text", () => {
  test("add up to it, wherever it is cut", () => {
    const text = codec();
    const random = new Random(3);
    for (let round = 0; round < 20; ++round) {
      const ids = Array.from({ length: 30 }, () => 3 + Math.floor(random.uniform() * 58));
      const cut = Math.floor(random.uniform() * 10);
      const pieces = new Pieces(text, ids.slice(0, cut));
      const grown = ids.slice(cut).map((id) => pieces.next(id));
      expect(text.decode(ids.slice(0, cut)) + grown.join("")).toBe(text.decode(ids));
    }
  });

  test("wait for all bytes of a character", () => {
    // Three bytes of "€" as the byte-level alphabet writes them.
    const bytes = ["â", "Ĥ", "¬"];
    const tokenizer = tinyTokenizer();
    const vocab = (tokenizer["model"] as { vocab: Record<string, number> }).vocab;
    for (const [at, letter] of [..."BCD"].entries()) {
      vocab[bytes[at]!] = vocab[letter]!;
      delete vocab[letter];
    }
    const text = codec(tokenizer);
    const ids = [...text.encode("a€b", undefined)];
    expect(ids).toHaveLength(5);
    const pieces = new Pieces(text, []);
    expect(ids.map((id) => pieces.next(id))).toEqual(["a", "", "", "€", "b"]);
  });
});

describe("refusing", () => {
  test.each<[string, unknown, RegExp]>([
    ["nothing", null, /tokenizer is null; a JSON object/],
    ["no model", changed(["model"], undefined), /model of tokenizer is undefined/],
    ["an unknown model", changed(["model", "type"], "Neural"), /the model of tokenizer is of type the string "Neural"/],
    ["no vocabulary", changed(["model", "vocab"], null), /vocab of model of tokenizer is missing/],
    [
      "an id beyond the model",
      changed(["model", "vocab", "a"], 61),
      /a token with the id 61; integers from 0 to .* = 60/,
    ],
    ["an id that is none", changed(["model", "vocab", "a"], "3"), /a token with the id the string "3"/],
    ["no merges", changed(["model", "merges"], undefined), /merges of model of tokenizer is missing/],
    ["merges of nothing", changed(["model", "merges"], [null]), /tokenizer cannot be used/],
    [
      "an added token beyond the model",
      changed(["added_tokens", "0", "id"], 61),
      /id of added_tokens\[0\] of tokenizer is 61/,
    ],
    ["an added token of no text", changed(["added_tokens", "0", "content"], ""), /content of added_tokens\[0\]/],
    ["added tokens that are none", changed(["added_tokens"], { a: 1 }), /added_tokens of tokenizer is/],
    ["an unknown part", changed(["pre_tokenizer"], { type: "Magic" }), /tokenizer cannot be used/],
    [
      "a pattern that could hang",
      changed(["pre_tokenizer"], { type: "Split", pattern: { Regex: "(a+)+$" }, behavior: "Isolated", invert: false }),
      /a pattern of tokenizer is "\(a\+\)\+\$"; .* without a repetition inside a repetition/,
    ],
    [
      "a pattern that is none",
      changed(["pre_tokenizer"], { type: "Split", pattern: { Regex: "(" }, behavior: "Isolated", invert: false }),
      /tokenizer cannot be used/,
    ],
  ])("%s", (_name, tokenizer, message) => {
    expect(() => codec(tokenizer)).toThrow(message);
    expect(() => codec(tokenizer)).toThrow(expect.objectContaining({ name: "HeedError" }));
  });

  test("a tokenizer_config.json that is none", () => {
    expect(() => codec(tinyTokenizer(), [])).toThrow(/tokenizerConfig is an object \(Array\)/);
    expect(() => codec(tinyTokenizer(), { add_bos_token: "yes" })).toThrow(/add_bos_token of tokenizerConfig/);
  });
});

test("patterns of published tokenizers are run, repetitions of repetitions are not", () => {
  const gpt2 = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)|\\s+";
  const llama3 =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|" +
    "\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";
  for (const pattern of [gpt2, llama3, "(a|b)+", "(a+)b", "(?:\\+)+", "[+*]+", "([*+])+", "(a{1,3})+", ")+", "[]+]+"]) {
    expect(nestsRepetition(pattern), pattern).toBe(false);
  }
  for (const pattern of ["(a+)+", "(?:a*)*b", "((a+)b)*", "(a|b+){2,}", "(a{2,})+", "(?:(?:x)+y)+$", "(a+){0,500}"]) {
    expect(nestsRepetition(pattern), pattern).toBe(true);
  }
});
