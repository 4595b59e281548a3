/**
 * `<model-source>`: gets a language model into heed's worker, the one that comes with the page or the reader's own, with
 * progress, a way to stop, and every fault told in its place. The model of before stays until the next one is there.
 */
import type { Decoder, DecoderType } from "heed";
import { html, LitElement, nothing, type TemplateResult } from "lit";
import { fileDrop, type FileDrop } from "../elements/file-drop.js";
import type { Heed } from "../framework/library.js";
import { bundledBytes, bundledIsKept, bundledModel, bundledName, forgetBundled } from "./bundled-model.js";
import { accepted, sortFiles, type ModelFiles } from "./model-files.js";
import { reasonOf, sizeOf } from "./words.js";

export interface ReadyModel {
  decoder: Decoder;
  name: string;
  /** Where its files are. */
  note: string;
  bundled: boolean;
  /** On this device, by this page. */
  kept: boolean;
}

type Load = (options: LoadingOptions) => Promise<ModelFiles & { note: string; kept: boolean }>;
interface LoadingOptions {
  signal: AbortSignal;
  onProgress: (progress: { loaded: number; total: number; from?: string }) => void;
}

/** The reader's own files, which stay when heed is started anew with another variant. */
let own: readonly File[] = [];

const asTheyAre = "as in the file";
const types: readonly DecoderType[] = ["int8", "int4", "f16", "f32"];

export class ModelSource extends LitElement {
  static override properties = { progress: { state: true }, problem: { state: true }, model: { state: true } };
  declare progress: { text: string; share: number } | undefined;
  declare problem: string | undefined;
  declare model: ReadyModel | undefined;
  readonly #heed: Heed;
  readonly #drop: FileDrop;
  #loading: AbortController | undefined;
  #type: DecoderType | undefined;

  constructor(heed: Heed, invalidation: Promise<unknown>) {
    super();
    this.#heed = heed;
    this.progress = this.problem = this.model = undefined;
    this.#drop = fileDrop({ label: "A model of your own", accept: accepted });
    this.#drop.addEventListener("input", (event) => {
      event.stopPropagation();
      own = this.#drop.value;
      void this.#loadOwn();
    });
    void invalidation.then(() => this.#loading?.abort());
    void this.#resume();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  /** What was there before heed was started anew, or is kept from a former visit, needs no asking. */
  async #resume(): Promise<void> {
    if (own.length > 0) return this.#loadOwn();
    if ((await bundledIsKept()) && this.#loading === undefined && this.model === undefined) await this.#loadBundled();
  }

  #loadBundled(): Promise<void> {
    own = [];
    return this.#load((options) => bundledModel(options), true);
  }

  #loadOwn(): Promise<void> {
    const note = "Read from your files; nothing left this page";
    return this.#load(async () => ({ ...sortFiles(own), note, kept: false }), false);
  }

  async #load(files: Load, bundled: boolean): Promise<void> {
    this.#loading?.abort();
    const controller = (this.#loading = new AbortController());
    const { signal } = controller;
    this.problem = undefined;
    this.progress = { text: "looking for its files", share: 0 };
    const tell = (text: string) => (p: { loaded: number; total: number; from?: string }) => {
      if (signal.aborted) return;
      const what = p.from === "store" ? "checking the kept files" : text;
      this.progress = { text: `${what}, ${sizeOf(p.loaded)} of ${sizeOf(p.total)}`, share: p.loaded / p.total };
    };
    try {
      const { name, note, kept, ...sources } = await files({ signal, onProgress: tell("fetching") });
      const decoder = await this.#heed.Decoder.load({
        ...sources,
        ...(!bundled && this.#type !== undefined && { dtype: this.#type }),
        signal,
        onProgress: tell("placing weights"),
      });
      const former = this.model;
      this.model = { decoder, name, note, bundled, kept };
      void former?.decoder.dispose();
      this.dispatchEvent(new Event("model"));
    } catch (error) {
      if (!signal.aborted) this.problem = reasonOf(error);
    } finally {
      if (this.#loading === controller) {
        this.#loading = undefined;
        this.progress = undefined;
      }
    }
  }

  #cancel(): void {
    this.#loading?.abort();
    this.#loading = undefined;
    this.progress = undefined;
  }

  async #forget(): Promise<void> {
    await forgetBundled();
    if (this.model !== undefined) this.model = { ...this.model, note: "No longer kept on this device", kept: false };
  }

  override render(): TemplateResult {
    return html`
      <section class="device-card" aria-label="The model">
        ${this.model === undefined ? this.#offer() : this.#facts(this.model)}
        ${this.progress === undefined ? nothing : this.#bar(this.progress)}
        ${this.problem === undefined ? nothing : this.#fault(this.problem)}
        <details class="device-own" ?open=${own.length > 0}>
          <summary>Open a model of your own</summary>
          <p>
            Llama, Mistral, SmolLM2, Qwen 2 and 3 as Hugging Face has them: config.json, tokenizer.json and the
            .safetensors files, together. They are read on your device and go nowhere.
          </p>
          ${this.#drop}
          <label class="device-field">
            <span>Weights in memory</span>
            <select @change=${(event: Event) => this.#choose(event.target as HTMLSelectElement)}>
              <option>${asTheyAre}</option>
              ${types.map((type) => html` <option>${type}</option> `)}
            </select>
          </label>
        </details>
      </section>
    `;
  }

  #choose({ value }: HTMLSelectElement): void {
    this.#type = types.find((type) => type === value);
    if (own.length > 0) void this.#loadOwn();
  }

  #offer(): TemplateResult {
    return html`
      <div class="device-row">
        <span class="device-grow">
          <b>${bundledName}</b>
          <br />
          28 million parameters, made for this page; it reads up to 16384 tokens.
        </span>
        <button
          type="button"
          class="primary"
          ?disabled=${this.progress !== undefined}
          @click=${() => this.#loadBundled()}
        >
          Load the model (${sizeOf(bundledBytes)})
        </button>
      </div>
    `;
  }

  #facts({ decoder: { info }, name, note, bundled, kept }: ReadyModel): TemplateResult {
    const count = info.parameters < 1e9 ? `${Math.round(info.parameters / 1e6)} million` : sizeOf(info.parameters);
    return html`
      <div class="device-row">
        <span class="device-grow" role="status" data-ready>
          <b>${name}</b>
          is ready: ${count} parameters, ${info.layers} layers of ${info.heads} heads, ${sizeOf(info.weightBytes)} of
          weights as ${info.dtype}; it reads up to ${info.capacity} tokens.
          <span class="device-quiet">${note}.</span>
        </span>
        ${
          kept ? html` <button type="button" @click=${() => this.#forget()}>Remove from this device</button> ` : nothing
        }
        ${bundled ? nothing : html` <button type="button" @click=${() => this.#loadBundled()}>Back to ours</button> `}
      </div>
    `;
  }

  #bar({ text, share }: { text: string; share: number }): TemplateResult {
    return html`
      <div class="task" data-phase="running">
        <progress aria-label="Loading the model" max="1" .value=${share}></progress>
        <span class="task-text">${text}</span>
        <button type="button" @click=${() => this.#cancel()}>Cancel</button>
      </div>
    `;
  }

  #fault(problem: string): TemplateResult {
    return html`
      <div class="device-row device-fault">
        <span class="device-grow" role="alert">${problem}.</span>
        ${
          own.length === 0
            ? html` <button type="button" @click=${() => this.#loadBundled()}>Try again</button> `
            : nothing
        }
      </div>
    `;
  }
}
