/** `<lab-header>`: the name of the place, the way to its other pages, and what can be done with the notebook. */
import { html, LitElement, nothing, type TemplateResult } from "lit";
import { addressOf, benchmark, contents } from "../contents.js";
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
        <div class="top-place">
          <a class="wordmark" href="./">
            <b>heed</b>
            lab
          </a>
          <button type="button" class="contents-button" popovertarget="contents">Notebooks</button>
          <nav id="contents" class="contents" popover aria-label="Notebooks">${contentsList()}</nav>
        </div>
        <div class="top-actions" role="toolbar" aria-label=${this.#hasNotebook ? "Notebook" : "Page"}>
          ${this.#hasNotebook ? this.#notebookActions() : nothing}
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
        <input
          type="file"
          accept=".html,text/html"
          hidden
          aria-label="Notebook file"
          @change=${(event: Event) => this.#chosen(event.target as HTMLInputElement)}
        />
      </header>
    `;
  }

  get #hasNotebook(): boolean {
    return document.querySelector("lab-notebook") !== null;
  }

  #notebookActions(): TemplateResult {
    return html`
      <button type="button" aria-pressed=${this.showsCode} @click=${() => this.#toggleCode()}>Code</button>
      <button type="button" title="A link to what you see now" @click=${() => this.#ask("share")}>Share</button>
      <button type="button" title="Save the notebook with your edits" @click=${() => this.#ask("download")}>
        Download
      </button>
      <button type="button" title="Open a notebook file; dropping one here does the same" @click=${() => this.#open()}>
        Open
      </button>
      <button type="button" title="Every cell and parameter as it was" @click=${() => this.#ask("reset")}>Reset</button>
    `;
  }

  #toggleCode(): void {
    this.showsCode = !this.showsCode;
    this.#ask("code", this.showsCode);
  }

  #open(): void {
    this.querySelector<HTMLInputElement>("input[type=file]")?.click();
  }

  #chosen(input: HTMLInputElement): void {
    const file = input.files?.[0];
    // Choosing the same file again is a wish, too.
    input.value = "";
    if (file !== undefined) this.#ask("open", file);
  }

  #ask(what: "code" | "download" | "open" | "reset" | "share", detail?: unknown): void {
    this.dispatchEvent(new CustomEvent(`lab-${what}`, { bubbles: true, detail }));
  }
}

/** All pages; the one that is shown is marked. */
export function contentsList(): TemplateResult {
  const shown =
    document.querySelector<HTMLElement>("lab-notebook")?.dataset["name"] ??
    document.querySelector<HTMLElement>("lab-header")?.dataset["page"];
  return html`
    <ol>
      ${[...contents, benchmark].map(
        ({ name, title, summary }) => html`
          <li>
            <a href=${addressOf(name)} aria-current=${name === shown ? "page" : "false"}>
              <b>${title}</b>
              <span>${summary}</span>
            </a>
          </li>
        `,
      )}
    </ol>
  `;
}
