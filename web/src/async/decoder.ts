/// <reference lib="esnext.disposable" preserve="true" />
/** A language model that lives in the worker. Its calls queue with all others. */
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
import { HeedError } from "../errors.js";
import type { OpenAddress } from "../model/source-of.js";
import { loadDecoder } from "../operations/load-decoder.js";
import { disposeOnUsing } from "../runtime/dispose.js";
import type { Client } from "../worker/client.js";

/** With the instance everything that lived in it has gone too. */
async function unlessEnded(work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    if (!(error instanceof HeedError && (error.code === "disposed" || error.code === "worker-died"))) throw error;
  }
}

/**
 * A model of the Llama architecture. `heed.Decoder.load()` makes one; the caller disposes it.
 *
 * It keeps the keys and values of the text it last continued: a prompt that begins alike, under the same attention, is
 * computed from where it differs. A call that fails or is cancelled leaves it usable.
 */
export class Decoder {
  /** Shape and size of the model. */
  readonly info: DecoderInfo;
  readonly #client: Client;
  readonly #id: number;
  #disposed = false;

  /** @internal */
  constructor(client: Client, id: number, info: DecoderInfo) {
    this.#client = client;
    this.#id = id;
    this.info = Object.freeze(info);
  }

  #assertUsable(): void {
    this.#client.assertAlive();
    if (this.#disposed) throw new HeedError("disposed", "this decoder was disposed; load it again");
  }

  /**
   * Continues a prompt, token by token; ends after a `stop` token, `tokens` of them, or at the capacity. Progress is
   * that of the prompt.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `unsupported`, `non-finite`, `disposed`, `out-of-memory`,
   * `worker-died`; rejects with the signal's reason when cancelled
   */
  async *generate(prompt: Prompt, options: GenerateOptions = {}): AsyncGenerator<GeneratedToken, void, undefined> {
    this.#assertUsable();
    const plan = planGenerate(this.info, prompt, options);
    const { signal, onProgress } = options;
    const watched = signal ? { signal } : {};
    const generation = await this.#client.call("decoderBegin", { decoder: this.#id, plan }, watched);
    try {
      let report = onProgress ? { onProgress } : {};
      for (let token: GeneratedToken | undefined; token?.end === undefined; report = {}) {
        token = await this.#client.call("decoderNext", { generation }, { ...watched, ...report });
        yield token;
      }
    } finally {
      await unlessEnded(() => this.#client.call("decoderEnd", { generation }));
    }
  }

  /**
   * How well the model foresees a text.
   *
   * @throws {HeedError} `invalid-argument`, `shape-mismatch`, `unsupported`, `non-finite`, `disposed`, `out-of-memory`,
   * `worker-died`; rejects with the signal's reason when cancelled
   */
  async score(text: Prompt, options: ScoreTextOptions = {}): Promise<TextScore> {
    this.#assertUsable();
    const plan = planRun("score", this.info, text, options);
    return this.#client.call("decoderScore", { decoder: this.#id, plan }, options);
  }

  /**
   * What attention does in a text, by layer and head: means over its tokens. Costs about as much as exact attention
   * on top of the policy's own.
   *
   * @throws {HeedError} as score
   */
  async profile(text: Prompt, options: ProfileOptions = {}): Promise<AttentionProfile> {
    this.#assertUsable();
    const plan = planRun("profile", this.info, text, options);
    return this.#client.call("decoderProfile", { decoder: this.#id, plan }, options);
  }

  /** Text to token ids. @throws {HeedError} `invalid-argument`, `unsupported` without a tokenizer, `disposed` */
  async encode(text: string, options: EncodeOptions = {}): Promise<Uint32Array> {
    this.#assertUsable();
    return this.#client.call("decoderEncode", { decoder: this.#id, ...planEncode(this.info, text, options) });
  }

  /** Token ids to text, without special tokens. @throws {HeedError} as encode */
  async decode(ids: readonly number[] | Uint32Array): Promise<string> {
    this.#assertUsable();
    return this.#client.call("decoderDecode", { decoder: this.#id, ids: planDecodeIds(this.info, ids) });
  }

  /** Gives the memory back, after the calls that wait. A second call does nothing. */
  async dispose(): Promise<void> {
    if (this.#disposed) return;
    this.#disposed = true;
    await unlessEnded(() => this.#client.call("decoderDispose", { decoder: this.#id }));
  }

  declare [Symbol.dispose]: () => void;
}

disposeOnUsing(Decoder);

/** @internal */
export async function loadAsync(client: Client, open: OpenAddress, options: LoadOptions): Promise<Decoder> {
  client.assertAlive();
  const watched = options.signal ? { signal: options.signal } : {};
  const made = await loadDecoder(options, open, {
    async create(plan, text) {
      await client.load("model", watched);
      if (text) await client.call("loadTokenizers", null, watched);
      return client.call("decoderCreate", { plan, text });
    },
    write: ({ decoder }, { bytes, scales, ...slice }) => {
      const u8 = (name: string, data: Uint8Array) => ({ kind: "u8", name, length: data.length, data }) as const;
      // Slices of a caller's own bytes are views, which must stay with the caller; those that were read are ours.
      const own = (data: Uint8Array) => (data.byteLength === data.buffer.byteLength ? data : data.slice());
      return client.call(
        "decoderWrite",
        { decoder, ...slice, bytes: u8("bytes", own(bytes)), scales: scales && u8("scales", own(scales)) },
        { ...watched, transfer: true },
      );
    },
    complete: ({ decoder }) => client.call("decoderComplete", { decoder }),
    abandon: ({ decoder }) => unlessEnded(() => client.call("decoderDispose", { decoder })),
  });
  return new Decoder(client, made.decoder, made.info);
}
