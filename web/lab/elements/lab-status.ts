/**
 * `<lab-status>`: what computes this page. Variant, threads and why not more, browser, version; and a switch for the
 * first two, after which every cell that uses heed is computed again.
 */
import { html, LitElement, nothing, type TemplateResult } from "lit";
import { library, variantNames, type Info } from "../framework/library.js";
import { browserName } from "../framework/provenance.js";

const featureNames: Record<string, string> = { simd: "SIMD", relaxedSimd: "relaxed SIMD", threads: "threads" };

export class LabStatus extends LitElement {
  static override properties = { info: { state: true }, problem: { state: true } };
  declare info: Info | undefined;
  declare problem: string | undefined;
  readonly #follow = (): void => {
    this.info = library.info;
    this.problem =
      library.error === undefined
        ? undefined
        : String(library.error instanceof Error ? library.error.message : library.error);
  };

  constructor() {
    super();
    this.info = library.info;
    this.problem = undefined;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    library.addEventListener("change", this.#follow);
    this.#follow();
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    library.removeEventListener("change", this.#follow);
  }

  override render(): TemplateResult {
    const { info } = this;
    return html`
      <footer>
        <details class="status">
          <summary>
            <span
              class="status-light"
              data-state=${info ? "on" : this.problem === undefined ? "starting" : "off"}
            ></span>
            ${
              info === undefined
                ? html`
                    <span role="status">${this.problem === undefined ? "starting heed…" : "heed could not start"}</span>
                  `
                : html`
                    <span class="status-variant" data-variant=${info.variant}>${info.variant}</span>
                    <span class="status-threads" data-threads=${info.threads}>
                      ${info.threads} ${info.threads === 1 ? "thread" : "threads"}
                    </span>
                    <span class="status-extra">${browserName()}</span>
                    <span class="status-extra">heed ${info.version}</span>
                  `
            }
            <span class="status-change">Change</span>
          </summary>
          <div class="status-panel">${this.#reason()} ${this.#choices()}</div>
        </details>
      </footer>
    `;
  }

  #reason(): TemplateResult | typeof nothing {
    if (this.problem !== undefined) return html` <p role="alert">${this.problem}</p> `;
    if (this.info === undefined) return nothing;
    const { reason, threads, features } = this.info;
    const able = Object.entries(features).map(([name, has]) => `${featureNames[name] ?? name}: ${has ? "yes" : "no"}`);
    return html`
      <p>
        ${reason ?? `Nothing was held back: ${threads === 1 ? "one thread runs" : `${threads} threads run`}, as asked.`}
      </p>
      <p class="status-features">
        This browser: ${browserName()}, ${navigator.hardwareConcurrency} cores; ${able.join(", ")}. heed
        ${this.info.version}.
      </p>
    `;
  }

  #choices(): TemplateResult {
    const { variant, threads } = library.choice;
    const cores = Math.max(1, navigator.hardwareConcurrency);
    const counts = [...new Set([1, 2, 4, 8, 16, cores])]
      .filter((count) => count <= Math.min(16, cores))
      .sort((a, b) => a - b);
    if (threads !== null && !counts.includes(threads)) counts.push(threads);
    return html`
      <div class="status-choices">
        <label>
          Variant
          <select
            name="variant"
            @change=${(event: Event) => this.#choose({ variant: (event.target as HTMLSelectElement).value })}
          >
            <option value="" ?selected=${variant === null}>best available</option>
            ${variantNames.map((name) => html` <option value=${name} ?selected=${variant === name}>${name}</option> `)}
          </select>
        </label>
        <label>
          Threads
          <select
            name="threads"
            @change=${(event: Event) => this.#choose({ threads: (event.target as HTMLSelectElement).value })}
          >
            <option value="" ?selected=${threads === null}>all cores</option>
            ${counts.map((count) => html` <option value=${count} ?selected=${threads === count}>${count}</option> `)}
          </select>
        </label>
      </div>
    `;
  }

  #choose(change: { variant?: string; threads?: string }): void {
    const { variant, threads } = library.choice;
    library.choose({
      variant: change.variant === undefined ? variant : (variantNames.find((name) => name === change.variant) ?? null),
      threads: change.threads === undefined ? threads : change.threads === "" ? null : Number(change.threads),
    });
  }
}
