/**
 * `<sparsity-map>`: a number for each layer and head as a table of tinted cells. It is a table, so it can be read
 * without seeing colors, and copied.
 */
import { html, LitElement, type TemplateResult } from "lit";
import { styleMap } from "lit/directives/style-map.js";

export interface MapValues {
  layers: number;
  heads: number;
  /** Layer-major, from 0 to 1; NaN for what is not known. */
  values: ArrayLike<number>;
}

/** With more heads than these the numbers do not fit; they can still be pointed at and heard. */
const mostNumbers = 16;

export class SparsityMap extends LitElement {
  static override properties = { caption: {}, label: {}, shown: { attribute: false } };
  declare caption: string;
  /** Tells this map from others of the page. */
  declare label: string;
  declare shown: MapValues | undefined;

  constructor() {
    super();
    this.caption = this.label = "";
    this.shown = undefined;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override render(): TemplateResult {
    const { layers, heads, values } = this.shown ?? { layers: 0, heads: 0, values: [] };
    const fits = heads <= mostNumbers;
    return html`
      <div class="map-scroll" tabindex="0" role="region" aria-label=${this.label}>
        <table class="map" data-fits=${fits}>
          <caption>
            ${this.caption}
          </caption>
          <thead>
            <tr>
              <th scope="col">
                <span class="visually-hidden">layer</span>
              </th>
              ${range(heads).map((head) => html` <th scope="col"><span class="visually-hidden">head</span> ${head}</th> `)}
            </tr>
          </thead>
          <tbody>
            ${range(layers).map(
              (layer) => html`
                <tr>
                  <th scope="row"><span class="visually-hidden">layer</span> ${layer}</th>
                  ${range(heads).map((head) => cell(layer, head, values[layer * heads + head]!, fits))}
                </tr>
              `,
            )}
          </tbody>
        </table>
      </div>
    `;
  }
}

function cell(layer: number, head: number, value: number, fits: boolean): TemplateResult {
  const known = Number.isFinite(value);
  const text = known ? String(Math.round(100 * value)) : "–";
  return html`
    <td
      style=${styleMap({ "--share": known ? value.toFixed(3) : "0" })}
      title=${`layer ${layer}, head ${head}: ${known ? `${(100 * value).toFixed(1)} %` : "not known"}`}
    >
      <span class=${fits ? "" : "visually-hidden"}>${text}</span>
    </td>
  `;
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}
