/**
 * Text to token ids and back, by a model's own tokenizer.json. The work is done by `@huggingface/tokenizers`; here its
 * input and output are checked, because the files are somebody else's, and pieces of text are cut where characters end.
 */
import { HeedError, reasonOf } from "../errors.js";
import { shown } from "../check/names.js";
import { Fields } from "./fields.js";
import { nestsRepetition } from "./pattern.js";

/** What is used of `@huggingface/tokenizers`. */
export interface TokenizersLibrary {
  Tokenizer: new (tokenizer: object, config: object) => RawTokenizer;
}

/** One tokenizer of that library. */
export interface RawTokenizer {
  encode(text: string, options: { add_special_tokens: boolean }): { ids: number[] };
  decode(ids: number[], options: { skip_special_tokens: boolean; clean_up_tokenization_spaces: boolean }): string;
}

const models = ["BPE", "Unigram", "WordPiece"];
/** Patterns of known tokenizers have at most some 600 characters. */
const longestPattern = 4000;

function refuse(message: string): never {
  throw new HeedError("invalid-argument", message);
}

function checkPatterns(where: string, value: unknown, depth = 0): void {
  if (typeof value !== "object" || value === null) return;
  if (depth > 32) refuse(`${where} is nested more than 32 deep`);
  for (const [name, inner] of Object.entries(value)) {
    if (name === "Regex" && typeof inner === "string") {
      if (inner.length > longestPattern || nestsRepetition(inner)) {
        throw new HeedError(
          "unsupported",
          `a pattern of ${where} is ${JSON.stringify(inner.slice(0, 80))}; patterns of at most ${longestPattern} ` +
            "characters without a repetition inside a repetition are run",
        );
      }
    } else {
      checkPatterns(where, inner, depth + 1);
    }
  }
}

function checkVocabulary(where: string, model: Fields, vocabulary: number): void {
  const entries = model.get("vocab");
  if (typeof entries !== "object" || entries === null) return model.refuse("vocab", "an object or an array");
  const ids = Array.isArray(entries) ? [...entries.keys()] : Object.values(entries as Record<string, unknown>);
  const wrong = ids.findIndex((id) => !(typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocabulary));
  if (wrong < 0) return;
  refuse(
    `${where} has a token with the id ${shown(ids[wrong])}; integers from 0 to vocab_size - 1 = ${vocabulary - 1} of ` +
      "the config are needed",
  );
}

function checkAddedTokens(fields: Fields, vocabulary: number): void {
  const added = fields.get("added_tokens") ?? [];
  if (!Array.isArray(added)) return fields.refuse("added_tokens", "an array");
  for (const [i, one] of added.entries()) {
    const token = Fields.of(`added_tokens[${i}] of ${fields.where}`, one);
    const [id, content] = [token.get("id"), token.get("content")];
    if (!(typeof id === "number" && Number.isInteger(id) && id >= 0 && id < vocabulary)) {
      token.refuse("id", `an integer from 0 to vocab_size - 1 = ${vocabulary - 1} of the config`);
    }
    if (typeof content !== "string" || content === "") token.refuse("content", "a text of at least one character");
  }
}

/** @throws {HeedError} `invalid-argument`, `unsupported` */
function checkTokenizer(where: string, value: unknown, vocabulary: number): object {
  const fields = Fields.of(where, value);
  const model = Fields.of(`model of ${where}`, fields.get("model"));
  // Older files leave the type out.
  const type = model.get("type") ?? (model.get("merges") === undefined ? undefined : "BPE");
  if (typeof type !== "string" || !models.includes(type)) {
    throw new HeedError(
      "unsupported",
      `the model of ${where} is of type ${shown(type)}; one of ${models.join(", ")} is known`,
    );
  }
  checkVocabulary(where, model, vocabulary);
  if (type === "BPE" && !Array.isArray(model.get("merges"))) model.refuse("merges", "an array");
  checkAddedTokens(fields, vocabulary);
  for (const part of ["normalizer", "pre_tokenizer", "post_processor", "decoder"])
    checkPatterns(where, fields.get(part));
  return fields.values;
}

/** Text and ids of one model. */
export class TextCodec {
  readonly #tokenizer: RawTokenizer;
  readonly #vocabulary: number;
  readonly #bos: number | undefined;
  readonly #addsBos: boolean;

  /** @throws {HeedError} `invalid-argument`, `unsupported` */
  constructor(
    library: TokenizersLibrary,
    {
      tokenizer,
      tokenizerConfig,
      vocabulary,
      bos,
    }: {
      tokenizer: unknown;
      tokenizerConfig: unknown;
      vocabulary: number;
      bos: number | undefined;
    },
  ) {
    const file = checkTokenizer("tokenizer", tokenizer, vocabulary);
    const config = Fields.of("tokenizerConfig", tokenizerConfig ?? {});
    this.#vocabulary = vocabulary;
    this.#bos = bos;
    this.#addsBos = config.flag("add_bos_token", false);
    try {
      this.#tokenizer = new library.Tokenizer(file, config.values);
      // What is wrong with a file shows at the first text.
      this.encode("The sea, 42.\n", undefined);
      this.decode([0]);
    } catch (error) {
      if (error instanceof HeedError) throw error;
      throw new HeedError("invalid-argument", `tokenizer cannot be used: ${reasonOf(error)}`, { cause: error });
    }
  }

  /** `bos`: whether the text begins with that token. @throws {HeedError} `invalid-argument`, `unsupported` */
  encode(text: string, bos: boolean | undefined): Uint32Array<ArrayBuffer> {
    const ids = this.#run(
      "encode the text",
      () => this.#tokenizer.encode(text, { add_special_tokens: bos !== false }).ids,
    );
    const wanted = bos ?? this.#addsBos;
    if (wanted && this.#bos === undefined) {
      throw new HeedError("unsupported", "bos is true, but the config names no bos_token_id");
    }
    if (wanted && ids[0] !== this.#bos) ids.unshift(this.#bos as number);
    const wrong = ids.findIndex((id) => !(Number.isInteger(id) && id >= 0 && id < this.#vocabulary));
    if (wrong >= 0) {
      refuse(`tokenizer made the id ${shown(ids[wrong])} of the text; the model has ${this.#vocabulary} tokens`);
    }
    return Uint32Array.from(ids);
  }

  /** Without special tokens. @throws {HeedError} `invalid-argument` */
  decode(ids: readonly number[]): string {
    const options = { skip_special_tokens: true, clean_up_tokenization_spaces: false };
    if (ids.length === 0) return "";
    return this.#run("decode ids", () => this.#tokenizer.decode([...ids], options));
  }

  #run<T>(what: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      throw new HeedError("invalid-argument", `tokenizer could not ${what}: ${reasonOf(error)}`, { cause: error });
    }
  }
}

/**
 * What a text grows by, token by token. Tokens are decoded with those before them, because some decoders treat the
 * first one differently; and a character whose bytes are not all there yet waits for them.
 */
export class Pieces {
  readonly #codec: TextCodec;
  readonly #ids: number[];
  /** Decoded from here on. */
  #from: number;
  /** Shown up to here. */
  #shown: number;

  /** `before`: the last tokens of what is shown already. */
  constructor(codec: TextCodec, before: readonly number[]) {
    this.#codec = codec;
    this.#ids = before.slice(-8);
    this.#from = 0;
    this.#shown = this.#ids.length;
  }

  next(id: number): string {
    this.#ids.push(id);
    const old = this.#codec.decode(this.#ids.slice(this.#from, this.#shown));
    const now = this.#codec.decode(this.#ids.slice(this.#from));
    if (now.length <= old.length || now.endsWith("\ufffd")) return "";
    this.#from = this.#shown;
    this.#shown = this.#ids.length;
    return now.slice(old.length);
  }
}
