/** `<pass-key-hunt>`: a number hidden in a novel, and who finds it. Every hunt adds its lines to the table. */
import { html, LitElement, nothing, type TemplateResult } from "lit";
import { address } from "../framework/address.js";
import { inTurn } from "../framework/turns.js";
import { parameterNumber } from "./form-fields.js";
import type { ModelSource, ReadyModel } from "./model-source.js";
import { isAnswer, knownWords, passKeyPrompt, type PassKey } from "./pass-key.js";
import { attentionOf, nameOf } from "./policy-choice.js";
import type { PolicyPair } from "./policy-pair.js";
import { novel } from "./texts.js";
import { percentOf, reasonOf } from "./words.js";

interface Found extends PassKey {
  policy: string;
  said: string;
  found: boolean;
  seconds: number;
}

/** A number of five digits has at most as many tokens. */
const answerTokens = 8;

export class PassKeyHunt extends LitElement {
  static override properties = {
    running: { state: true },
    state: { state: true },
    problem: { state: true },
    found: { state: true },
    word: { state: true },
  };
  declare running: AbortController | undefined;
  declare state: string;
  declare problem: string | undefined;
  declare found: readonly Found[];
  declare word: string;
  readonly #source: ModelSource;
  readonly #policies: PolicyPair;
  readonly #length = parameterNumber({ name: "n", label: "length, tokens", value: 2048, min: 64, max: 131072 });
  readonly #depth = parameterNumber({ name: "depth", label: "depth, % of the text", value: 30, min: 0, max: 100 });
  readonly #key = parameterNumber({ name: "key", label: "key, five digits", value: 48271, min: 10000, max: 99999 });
  readonly #follow = (): void => this.requestUpdate();

  constructor(source: ModelSource, policies: PolicyPair, invalidation: Promise<unknown>) {
    super();
    this.running = this.problem = undefined;
    this.state = "";
    this.found = [];
    this.word = knownWords[0];
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
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  async #hunt({ decoder }: ReadyModel): Promise<void> {
    const controller = (this.running = new AbortController());
    const { signal } = controller;
    const { choices } = this.#policies;
    const asked = {
      n: this.#length.value,
      depth: this.#depth.value / 100,
      word: this.word,
      key: String(this.#key.value),
    };
    this.problem = undefined;
    this.state = "waits for its turn";
    try {
      await inTurn(this, signal, async () => {
        signal.throwIfAborted();
        const filler = await decoder.encode(await novel("persuasion"), { bos: false });
        const ids = await passKeyPrompt(decoder, filler, asked);
        for (const { letter, choice } of choices) {
          const began = performance.now();
          let said = "";
          const options = {
            attention: attentionOf(choice, decoder.info.layers),
            tokens: answerTokens,
            signal,
            onProgress: ({ loaded, total }: { loaded: number; total: number }) =>
              void (this.state = `${letter} reads, ${percentOf(loaded / total)}`),
          };
          for await (const token of decoder.generate(ids, options)) said += token.text;
          const seconds = (performance.now() - began) / 1000;
          const line = { ...asked, policy: nameOf(choice), said, found: isAnswer(said, asked.key), seconds };
          this.found = [...this.found, line];
        }
      });
      this.state = "";
    } catch (error) {
      this.state = signal.aborted ? "cancelled" : "";
      if (!signal.aborted) this.problem = reasonOf(error);
    }
    if (this.running === controller) this.running = undefined;
  }

  override render(): TemplateResult {
    const { model } = this.#source;
    const again = (): void => this.requestUpdate();
    return html`
      <div class="hunt">
        <div class="device-fields">
          ${this.#length.render(again)} ${this.#depth.render(again)} ${this.#key.render(again)}
          <label class="device-field">
            <span>word</span>
            <select @change=${(event: Event) => (this.word = (event.target as HTMLSelectElement).value)}>
              ${knownWords.map((word) => html` <option ?selected=${word === this.word}>${word}</option> `)}
            </select>
          </label>
        </div>
        <p class="device-quote">
          … The pass key for ${this.word} is <b>${this.#key.value}</b>. … What is the pass key for ${this.word}? The
          pass key for ${this.word} is
        </p>
        <div class="device-row">
          ${
            this.running === undefined
              ? html`
                  <button
                    type="button"
                    class="primary"
                    ?disabled=${model === undefined}
                    @click=${() => model && this.#hunt(model)}
                  >
                    Hide it and ask
                  </button>
                `
              : html` <button type="button" class="primary" @click=${() => this.running?.abort()}>Cancel</button> `
          }
          <span class="device-quiet" role="status">
            ${model === undefined ? "Load the model first, above." : this.state}
          </span>
        </div>
        ${this.problem === undefined ? nothing : html` <p class="device-fault" role="alert">${this.problem}.</p> `}
        ${this.found.length === 0 ? nothing : this.#table()}
      </div>
    `;
  }

  #table(): TemplateResult {
    return html`
      <div class="figure-table" tabindex="0" role="region" aria-label="What was found">
        <table>
          <thead>
            <tr>
              ${["", "policy", "said", "hidden", "tokens", "depth", "s"].map(
                (name) => html`
                  <th scope="col">${name === "" ? html`<span class="visually-hidden">verdict</span>` : name}</th>
                `,
              )}
            </tr>
          </thead>
          <tbody>
            ${this.found.map(
              ({ n, depth, policy, key, said, found, seconds }) => html`
                <tr data-found=${found}>
                  <td class="hunt-verdict">${found ? "✓ found" : "✗ missed"}</td>
                  <td>${policy}</td>
                  <td class="hunt-said">${said.trim()}</td>
                  <td>${key}</td>
                  <td>${n}</td>
                  <td>${Math.round(100 * depth)} %</td>
                  <td>${seconds.toFixed(1)}</td>
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
      <button type="button" @click=${() => (this.found = [])}>Clear the table</button>
    `;
  }
}
