/** `<lab-header>`: the name of the place and what can be done with the notebook as a whole. */
import { html, LitElement, type TemplateResult } from "lit";
import { appearance, type Appearance } from "../framework/appearance.js";

export class LabHeader extends LitElement {
  static override properties = { showsCode: { state: true }, look: { state: true } };
  declare showsCode: boolean;
  declare look: Appearance;

  constructor() {
    super();
    this.showsCode = false;
    this.look = appearance.current;
    appearance.addEventListener("change", () => (this.look = appearance.current));
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override render(): TemplateResult {
    const other: Appearance = this.look === "light" ? "dark" : "light";
    return html`
      <header class="top">
        <a class="wordmark" href="#" @click=${(event: Event) => this.#toTop(event)}>
          <b>heed</b>
          lab
        </a>
        <div class="top-actions" role="toolbar" aria-label="Notebook">
          <button type="button" aria-pressed=${this.showsCode} @click=${() => this.#toggleCode()}>Code</button>
          <button type="button" title="Save the notebook with your edits" @click=${() => this.#ask("lab-download")}>
            Download
          </button>
          <button type="button" title="Every cell and parameter as it was" @click=${() => this.#ask("lab-reset")}>
            Reset
          </button>
          <button
            type="button"
            class="look"
            aria-label=${`Switch to ${other} colors`}
            @click=${() => appearance.choose(other)}
          >
            <svg viewBox="0 0 16 16" aria-hidden="true">
              <circle cx="8" cy="8" r="6.2" />
              <path d="M8 1.8a6.2 6.2 0 0 1 0 12.4z" />
            </svg>
          </button>
        </div>
      </header>
    `;
  }

  #toTop(event: Event): void {
    // The part of the address after '#' holds the parameters; going up must not clear it.
    event.preventDefault();
    scrollTo({ top: 0, behavior: "smooth" });
  }

  #toggleCode(): void {
    this.showsCode = !this.showsCode;
    this.dispatchEvent(new CustomEvent("lab-code", { bubbles: true, detail: this.showsCode }));
  }

  #ask(what: "lab-download" | "lab-reset"): void {
    this.dispatchEvent(new CustomEvent(what, { bubbles: true }));
  }
}
