/**
 * `<lab-figure>`: a figure with its title, its numbers and its files.
 *
 * `draw({width})` returns an element; it is called again when the column changes its width or the reader turns the
 * lights off. Every figure can be read as a table and saved as CSV, JSON, SVG and PNG.
 */
import { html, LitElement, nothing, type TemplateResult } from "lit";
import { appearance } from "../framework/appearance.js";
import { explain, failureNode } from "../framework/cell-failure.js";
import { columnNames, toDelimited, type Row } from "../framework/delimited.js";
import { describeControls } from "../framework/describe-controls.js";
import { downloadBlob, downloadText } from "../framework/download.js";
import { standaloneSvg, toPng } from "../framework/picture.js";
import { provenance } from "../framework/provenance.js";

export interface FigureOptions {
  /** Name of the saved files, without an ending. */
  name: string;
  title: string;
  /** What to see in the figure, in a sentence or two. */
  caption?: string;
  /** The numbers behind the figure. */
  rows: readonly Row[];
  draw: (options: { width: number }) => Element;
}

/** A drawn element that is no SVG but can be turned into one. */
interface Drawable extends Element {
  toSvg?(): SVGSVGElement;
}

const mostTableRows = 500;

/** A figure is made anew whenever its cell is computed; what the reader chose to look at stays. */
const shownAsTable = new Set<string>();

/** What a cell has drawn last: it stays until its successor is drawn, and keeps the page from jumping. */
const former = new WeakMap<Element, Drawable>();

let lastTurn: Promise<unknown> = Promise.resolve();

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

export class LabFigure extends LitElement {
  static override properties = { options: { attribute: false }, table: { state: true }, drawn: { state: true } };
  declare options: FigureOptions;
  declare table: boolean;
  declare drawn: Drawable | undefined;
  #width = 0;
  readonly #resize = new ResizeObserver(([entry]) => this.#follow(Math.floor(entry!.contentRect.width)));
  readonly #redraw = (): void => this.#draw();

  constructor(options: FigureOptions) {
    super();
    this.options = options;
    this.table = shownAsTable.has(options.name);
    this.drawn = undefined;
    this.setAttribute("heading", options.title);
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    if (this.parentElement !== null) this.drawn ??= former.get(this.parentElement);
    // At once, so that the page below keeps its place when a new figure replaces an old one.
    this.#follow(Math.floor(this.clientWidth));
    this.#resize.observe(this);
    appearance.addEventListener("change", this.#redraw);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
    appearance.removeEventListener("change", this.#redraw);
  }

  #follow(width: number): void {
    if (width === this.#width || width === 0) return;
    this.#width = width;
    this.#draw();
  }

  /** In a turn of its own, so that the page can answer the reader between two figures. */
  #draw(): void {
    lastTurn = lastTurn.then(nextTurn).then(() => {
      if (!this.isConnected || this.parentElement === null) return;
      this.drawn = this.options.draw({ width: this.#width }) as Drawable;
      former.set(this.parentElement, this.drawn);
      return this.updateComplete.then(() => describeControls(this));
    });
    lastTurn = lastTurn.catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): void {
    this.drawn = failureNode(explain(error, []));
  }

  override render(): TemplateResult {
    const { title, caption, rows } = this.options;
    const save = (label: string, action: () => unknown): TemplateResult => html`
      <button type="button" aria-label=${`Save "${title}" as ${label}`} @click=${action}>${label}</button>
    `;
    return html`
      <figure aria-label=${title}>
        <figcaption class="figure-title">${title}</figcaption>
        <div class="figure-body" ?hidden=${this.table}>${this.drawn}</div>
        ${this.table ? table(title, rows) : nothing}
        <div class="figure-foot">
          ${caption === undefined ? nothing : html` <p class="figure-caption">${caption}</p> `}
          <div class="figure-tools" role="group" aria-label=${`Data of "${title}"`}>
            <button type="button" aria-pressed=${this.table} @click=${() => this.#toggleTable()}>
              ${this.table ? "Show figure" : "Show as table"}
            </button>
            ${save("CSV", () => downloadText(toDelimited(rows), `${this.options.name}.csv`, "text/csv"))}
            ${save("JSON", () => downloadText(this.#json(), `${this.options.name}.json`, "application/json"))}
            ${save("SVG", () => this.#saveSvg())} ${save("PNG", () => this.#savePng())}
          </div>
        </div>
      </figure>
    `;
  }

  #toggleTable(): void {
    this.table = !this.table;
    if (this.table) shownAsTable.add(this.options.name);
    else shownAsTable.delete(this.options.name);
  }

  #json(): string {
    const { title, rows } = this.options;
    return `${JSON.stringify({ title, ...provenance(), columns: columnNames(rows), rows }, null, 2)}\n`;
  }

  #svg(): SVGSVGElement | undefined {
    const drawn = this.drawn;
    if (drawn?.toSvg !== undefined) return drawn.toSvg();
    return drawn instanceof SVGSVGElement ? drawn : (drawn?.querySelector("svg") ?? undefined);
  }

  #saveSvg(): void {
    const svg = this.#svg();
    if (svg !== undefined) downloadText(this.#standalone(svg), `${this.options.name}.svg`, "image/svg+xml");
  }

  async #savePng(): Promise<void> {
    const svg = this.#svg();
    if (svg === undefined) return;
    const [width, height] = [svg.width.baseVal.value, svg.height.baseVal.value];
    downloadBlob(await toPng(this.#standalone(svg), width, height), `${this.options.name}.png`);
  }

  /** Colors are looked up where the drawing stands, so one made for export stands there for a moment. */
  #standalone(svg: SVGSVGElement): string {
    if (svg.isConnected) return standaloneSvg(svg);
    this.append(svg);
    try {
      return standaloneSvg(svg);
    } finally {
      svg.remove();
    }
  }
}

function table(title: string, rows: readonly Row[]): TemplateResult {
  const columns = columnNames(rows);
  return html`
    <div class="figure-table" tabindex="0" role="region" aria-label=${`${title}, as a table`}>
      <table>
        <thead>
          <tr>
            ${columns.map((column) => html` <th scope="col">${column}</th> `)}
          </tr>
        </thead>
        <tbody>
          ${rows.slice(0, mostTableRows).map(
            (row) => html`
              <tr>
                ${columns.map((column) => html` <td>${shown(row[column])}</td> `)}
              </tr>
            `,
          )}
        </tbody>
      </table>
      ${
        rows.length > mostTableRows
          ? html` <p>The first ${mostTableRows} of ${rows.length} rows; the files hold all of them.</p> `
          : nothing
      }
    </div>
  `;
}

function shown(value: unknown): string {
  if (typeof value !== "number" || Number.isInteger(value))
    return value === null || value === undefined ? "" : String(value);
  return value.toPrecision(4);
}

customElements.define("lab-figure", LabFigure);

/** A figure for a cell: `figure({name, title, rows, draw: ({width}) => Plot.plot({width, …})})` */
export function figure(options: FigureOptions): LabFigure {
  return new LabFigure(options);
}
