/** The decoders of a worker and their continuations, by the numbers that the page knows them by. */
import type { GeneratePlan } from "../check/decoder.js";
import { HeedError } from "../errors.js";
import { parseJson } from "../model/source-of.js";
import { TextCodec, type TokenizersLibrary } from "../model/text.js";
import type { ModelRuntime } from "../runtime/runtime.js";
import type { DecoderPlan } from "./decoder-plan.js";
import { StoredDecoder } from "./decoder.js";
import { Generation } from "./generation.js";

/** A file of JSON as it is posted. */
export type JsonFile = { bytes: Uint8Array } | { parsed: unknown };

/** What a decoder's text is made of. */
export interface TextFiles {
  tokenizer: JsonFile;
  tokenizerConfig: JsonFile | undefined;
}

/** @throws {HeedError} `invalid-argument`, `unsupported` */
export function textCodec(library: TokenizersLibrary, files: TextFiles, { config }: DecoderPlan): TextCodec {
  return new TextCodec(library, {
    tokenizer: parseJson("tokenizer", files.tokenizer),
    tokenizerConfig: files.tokenizerConfig && parseJson("tokenizerConfig", files.tokenizerConfig),
    vocabulary: config.vocabulary,
    bos: config.bos,
  });
}

export class Decoders {
  readonly #decoders = new Map<number, StoredDecoder>();
  readonly #generations = new Map<number, { decoder: number; generation: Generation }>();
  #created = 0;
  /** Loaded with the first decoder that has a text. */
  library: TokenizersLibrary | undefined;

  create(runtime: ModelRuntime, plan: DecoderPlan, text: TextFiles | undefined): number {
    const { library } = this;
    if (text && !library) throw new HeedError("internal", "the tokenizers were not loaded");
    const codec = text && textCodec(library as TokenizersLibrary, text, plan);
    this.#decoders.set(++this.#created, new StoredDecoder(runtime, plan, codec));
    return this.#created;
  }

  /** @throws {HeedError} `disposed` */
  get(id: number): StoredDecoder {
    const decoder = this.#decoders.get(id);
    if (decoder === undefined) throw new HeedError("disposed", "this decoder was disposed; load it again");
    return decoder;
  }

  /** @throws {HeedError} `disposed`, `invalid-argument`, `unsupported` */
  begin(decoder: number, plan: GeneratePlan): number {
    const generation = new Generation(this.get(decoder), plan);
    this.#generations.set(++this.#created, { decoder, generation });
    return this.#created;
  }

  /** @throws {HeedError} `disposed` */
  generation(id: number): Generation {
    const found = this.#generations.get(id);
    if (found === undefined) throw new HeedError("disposed", "the decoder of this continuation was disposed");
    return found.generation;
  }

  end(id: number): void {
    this.#generations.delete(id);
  }

  dispose(id: number): void {
    this.get(id).dispose();
    this.#decoders.delete(id);
    for (const [at, { decoder }] of [...this.#generations]) if (decoder === id) this.#generations.delete(at);
  }
}
