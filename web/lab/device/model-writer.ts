/**
 * `<model-writer>`: a text, and its continuation under one policy or two. Policies run one after the other: side by side
 * they would slow each other, and the speeds would tell nothing.
 */
import { html, LitElement, nothing, type TemplateResult } from "lit";
import { address } from "../framework/address.js";
import { inTurn } from "../framework/turns.js";
import { parameterNumber } from "./form-fields.js";
import { ModelRun } from "./model-run.js";
import type { ModelSource, ReadyModel } from "./model-source.js";
import { attentionOf, nameOf } from "./policy-choice.js";
import type { PolicyPair } from "./policy-pair.js";
import type { Measure } from "./run-record.js";
import { novel, novels, type NovelName } from "./texts.js";
import { reasonOf } from "./words.js";

const measures: Record<Measure, string> = {
  dropped: "attention dropped",
  bound: "bound of what is dropped",
  kept: "entries kept",
};
const temperatures = { 0: "always the likeliest token", 0.8: "drawn, temperature 0.8" } as const;

/** Enough to see what is continued. */
const leadTokens = 24;

type TextName = NovelName | "own";

export class ModelWriter extends LitElement {
  static override properties = {
    chosen: { state: true },
    measure: { state: true },
    running: { state: true },
    problem: { state: true },
    note: { state: true },
  };
  declare chosen: TextName;
  declare measure: Measure;
  declare running: AbortController | undefined;
  declare problem: string | undefined;
  declare note: string | undefined;
  #text = "";
  #temperature = 0;
  #readsExactly = false;
  #profiles = false;
  readonly #source: ModelSource;
  readonly #policies: PolicyPair;
  readonly #read = parameterNumber({ name: "read", label: "tokens to read", value: 2048, min: 1, max: 131072 });
  readonly #write = parameterNumber({ name: "write", label: "tokens to write", value: 48, min: 1, max: 2048 });
  readonly #runs = { A: new ModelRun(), B: new ModelRun() };
  readonly #follow = (): void => this.requestUpdate();

  constructor(source: ModelSource, policies: PolicyPair, invalidation: Promise<unknown>) {
    super();
    this.chosen = "persuasion";
    this.measure = "dropped";
    this.running = this.problem = this.note = undefined;
    this.#source = source;
    this.#policies = policies;
    source.addEventListener("model", this.#follow);
    policies.addEventListener("change", this.#follow);
    address.addEventListener("change", this.#follow);
    void invalidation.then(() => {
      this.running?.abort();
      source.removeEventListener("model", this.#follow);
      policies.removeEventListener("change", this.#follow);
      address.removeEventListener("change", this.#follow);
    });
    void this.#choose("persuasion");
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  async #choose(name: TextName): Promise<void> {
    this.chosen = name;
    if (name === "own") return;
    try {
      const text = await novel(name);
      if (this.chosen === name) this.#text = text;
    } catch (error) {
      this.problem = reasonOf(error);
    }
    this.requestUpdate();
  }

  async #run({ decoder }: ReadyModel): Promise<void> {
    const controller = (this.running = new AbortController());
    const { signal } = controller;
    this.problem = this.note = undefined;
    // As they are now: the reader may go on choosing.
    const { choices } = this.#policies;
    for (const { letter, choice } of choices) {
      this.#runs[letter].name = nameOf(choice);
      this.#runs[letter].clear("waiting");
    }
    try {
      await inTurn(this, signal, async () => {
        signal.throwIfAborted();
        const ids = [...(await decoder.encode(this.#text))].slice(0, this.#read.value);
        const lead = `… ${await decoder.decode(ids.slice(-leadTokens))}`;
        for (const { letter, choice } of choices) {
          const attention = attentionOf(choice, decoder.info.layers);
          await this.#runs[letter].run({
            ...{ decoder, ids, lead, attention, signal },
            promptAttention: this.#readsExactly ? "exact" : attention,
            tokens: this.#write.value,
            temperature: this.#temperature,
            profile: this.#profiles,
          });
        }
      });
      if (choices.length === 2) this.note = likeness(this.#runs.A.record?.ids ?? [], this.#runs.B.record?.ids ?? []);
    } catch (error) {
      if (!signal.aborted) this.problem = reasonOf(error);
    }
    for (const run of Object.values(this.#runs)) if (run.phase === "waiting") run.clear("cancelled");
    if (this.running === controller) this.running = undefined;
  }

  override render(): TemplateResult {
    const { model } = this.#source;
    return html`
      <div class="writer">
        <div class="device-fields">
          <label class="device-field">
            <span>Text</span>
            <select @change=${(event: Event) => this.#choose((event.target as HTMLSelectElement).value as TextName)}>
              ${Object.entries(novels).map(
                ([name, { title }]) => html`
                  <option value=${name} ?selected=${name === this.chosen}>${title}</option>
                `,
              )}
              <option value="own" ?selected=${this.chosen === "own"}>your own</option>
            </select>
          </label>
          ${this.#read.render(() => this.requestUpdate())} ${this.#write.render(() => this.requestUpdate())}
        </div>
        <textarea
          aria-label="The text to read"
          rows="7"
          spellcheck="false"
          .value=${this.#text}
          @input=${(event: Event) => this.#type((event.target as HTMLTextAreaElement).value)}
        ></textarea>
        ${this.#options()}
        <div class="device-row">
          ${
            this.running === undefined
              ? html`
                  <button
                    type="button"
                    class="primary"
                    ?disabled=${model === undefined}
                    @click=${() => model && this.#run(model)}
                  >
                    Read and write
                  </button>
                `
              : html` <button type="button" class="primary" @click=${() => this.running?.abort()}>Cancel</button> `
          }
          <span class="device-quiet" role="status">
            ${model === undefined ? "Load the model first, above." : (this.note ?? nothing)}
          </span>
        </div>
        ${this.problem === undefined ? nothing : html` <p class="device-fault" role="alert">${this.problem}.</p> `}
        <div class="device-pair runs">
          ${this.#policies.choices.map(({ letter, choice }) => this.#panel(letter, nameOf(choice)))}
        </div>
      </div>
    `;
  }

  /** A run that has been made keeps the name of the policy that made it. */
  #panel(letter: "A" | "B", name: string): ModelRun {
    const run = this.#runs[letter];
    run.heading = letter;
    if (run.phase === "idle") run.name = name;
    run.measure = this.measure;
    return run;
  }

  #type(text: string): void {
    this.#text = text;
    this.chosen = "own";
  }

  #options(): TemplateResult {
    const checked = (event: Event): boolean => (event.target as HTMLInputElement).checked;
    const chosen = (event: Event): string => (event.target as HTMLSelectElement).value;
    return html`
      <details class="device-more">
        <summary>More settings</summary>
        <div class="device-fields">
          <label class="device-field">
            <span>Next token</span>
            <select @change=${(event: Event) => (this.#temperature = Number(chosen(event)))}>
              ${Object.entries(temperatures).map(
                ([value, words]) => html`
                  <option value=${value} ?selected=${Number(value) === this.#temperature}>${words}</option>
                `,
              )}
            </select>
          </label>
          <label class="device-field">
            <span>Map shows</span>
            <select @change=${(event: Event) => (this.measure = chosen(event) as Measure)}>
              ${Object.entries(measures).map(
                ([name, words]) => html` <option value=${name} ?selected=${name === this.measure}>${words}</option> `,
              )}
            </select>
          </label>
        </div>
        <label class="device-check">
          <input type="checkbox" @change=${(event: Event) => (this.#readsExactly = checked(event))} />
          Read the text with exact attention, and use the policy for writing alone
        </label>
        <label class="device-check">
          <input type="checkbox" @change=${(event: Event) => (this.#profiles = checked(event))} />
          Measure what windows hide, too (costs exact attention once more)
        </label>
      </details>
    `;
  }
}

/** How far two continuations agree. */
function likeness(a: readonly number[], b: readonly number[]): string | undefined {
  if (a.length === 0 || b.length === 0) return undefined;
  const most = Math.min(a.length, b.length);
  const differs = Array.from({ length: most }, (_, i) => i).find((i) => a[i] !== b[i]);
  if (differs === undefined) return `Both wrote the same ${most} tokens.`;
  if (differs === 0) return "They differ from the first token on.";
  return differs === 1 ? "Only the first token is the same." : `The first ${differs} tokens are the same.`;
}
