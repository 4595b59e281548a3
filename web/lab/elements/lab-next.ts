/** `<lab-next>`: at the end of a notebook, where to read on. */
import { html, LitElement, nothing, type TemplateResult } from "lit";
import { contents } from "../contents.js";
import { contentsList } from "./lab-header.js";

export class LabNext extends LitElement {
  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override render(): TemplateResult | typeof nothing {
    if (contents.length < 2) return nothing;
    return html`
      <nav class="next" aria-labelledby="next-title">
        <h2 id="next-title">All notebooks</h2>
        ${contentsList()}
      </nav>
    `;
  }
}
