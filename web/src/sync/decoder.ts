/// <reference lib="esnext.disposable" preserve="true" />
/** A language model, synchronously: every token is there when it is asked for. */
import { planDecodeIds, planEncode, planGenerate, planRun } from "../check/decoder.js";
import type {
  EncodeOptions,
  GenerateOptions,
  LoadOptions,
  ProfileOptions,
  Prompt,
  ScoreTextOptions,
} from "../decoder-options.js";
import type { AttentionProfile, DecoderInfo, GeneratedToken, TextScore } from "../decoder-results.js";
import type { OpenAddress } from "../model/source-of.js";
import { StoredDecoder } from "../operations/decoder.js";
import { textCodec } from "../operations/decoders.js";
import { Generation, prepareProfile, prepareTextScore } from "../operations/generation.js";
import { loadDecoder } from "../operations/load-decoder.js";
import { complete, type Operation } from "../operations/operation.js";
import type { CallOptions } from "../options.js";
import { disposeOnUsing } from "../runtime/dispose.js";
import type { Modules } from "../runtime/modules.js";
import type { Platform } from "../runtime/platform.js";

/**
 * A model of the Llama architecture. `heed.Decoder.load()` makes one; the caller disposes it.
 *
 * It keeps the keys and values of the text it last continued: a prompt that begins alike, under the same attention, is
 * computed from where it differs.
 */
export class Decoder {
  /** Shape and size of the model. */
  readonly info: DecoderInfo;
  readonly #decoder: StoredDecoder;

  /** @internal */
  constructor(decoder: StoredDecoder) {
    this.#decoder = decoder;
    this.info = Object.freeze(decoder.info);
  }

  /**
   * Continues a prompt, token by token; ends after a `stop` token, `tokens` of them, or at the capacity. `signal` is
   * looked at before each token.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `unsupported`, `non-finite`, `disposed`, `out-of-memory`
   */
  generate(prompt: Prompt, options: GenerateOptions = {}): Generator<GeneratedToken, void, undefined> {
    void this.#decoder.raw;
    return this.#tokens(new Generation(this.#decoder, planGenerate(this.info, prompt, options)), options);
  }

  *#tokens(generation: Generation, options: GenerateOptions): Generator<GeneratedToken, void, undefined> {
    const { signal, onProgress } = options;
    let first = true;
    for (let token: GeneratedToken | undefined; token?.end === undefined; first = false) {
      signal?.throwIfAborted();
      const operation = generation.prepareNext();
      const { units } = operation;
      token = complete(operation);
      if (first) onProgress?.({ phase: "run", loaded: units, total: units });
      yield token;
    }
  }

  /**
   * How well the model foresees a text.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `unsupported`, `non-finite`, `disposed`, `out-of-memory`
   */
  score(text: Prompt, options: ScoreTextOptions = {}): TextScore {
    void this.#decoder.raw;
    const plan = planRun("score", this.info, text, options);
    return this.#complete(options, () => prepareTextScore(this.#decoder, plan));
  }

  /**
   * What attention does in a text, by layer and head: means over its tokens. Costs about as much as exact attention
   * on top of the policy's own.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `unsupported`, `non-finite`, `disposed`, `out-of-memory`
   */
  profile(text: Prompt, options: ProfileOptions = {}): AttentionProfile {
    void this.#decoder.raw;
    const plan = planRun("profile", this.info, text, options);
    return this.#complete(options, () => prepareProfile(this.#decoder, plan));
  }

  /** Text to token ids. @throws {HeedError} `invalid-argument`, `unsupported` without a tokenizer, `disposed` */
  encode(text: string, options: EncodeOptions = {}): Uint32Array {
    void this.#decoder.raw;
    const plan = planEncode(this.info, text, options);
    return (this.#decoder.text as NonNullable<StoredDecoder["text"]>).encode(plan.text, plan.bos);
  }

  /** Token ids to text, without special tokens. @throws {HeedError} as encode */
  decode(ids: readonly number[] | Uint32Array): string {
    void this.#decoder.raw;
    return (this.#decoder.text as NonNullable<StoredDecoder["text"]>).decode(planDecodeIds(this.info, ids));
  }

  /** Gives the memory back. A second call does nothing. */
  dispose(): void {
    this.#decoder.dispose();
  }

  declare [Symbol.dispose]: () => void;

  #complete<Result>({ signal, onProgress }: CallOptions, prepare: () => Operation<Result>): Result {
    signal?.throwIfAborted();
    const operation = prepare();
    const { units } = operation;
    const result = complete(operation);
    onProgress?.({ phase: "run", loaded: units, total: units });
    return result;
  }
}

disposeOnUsing(Decoder);

/** @internal */
export async function loadSync(platform: Platform, modules: Modules, options: LoadOptions): Promise<Decoder> {
  const open: OpenAddress = (address, signal) => platform.open(address, signal);
  const decoder = await loadDecoder(options, open, {
    async create(plan, text) {
      await modules.load("model", options.signal ? { signal: options.signal } : {});
      const codec = text && textCodec(await platform.tokenizers(), text, plan);
      return new StoredDecoder(modules.beside("model"), plan, codec);
    },
    write: async (made, slice) => made.write(slice),
    complete: async (made) => made.complete(),
    abandon: async (made) => made.dispose(),
  });
  return new Decoder(decoder);
}
