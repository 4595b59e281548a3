/**
 * `<attn-heatmap>`: the attention weights of one head as a picture. Row i is how query i spreads its attention over the
 * keys; color is the logarithm of the weight, because weights span many powers of ten. Where a choice of kept entries
 * is given, those have color and the dropped ones are grey.
 *
 * Any size: each pixel shows the largest entry it covers (plots/max-pool.ts). Zoom with the buttons, Ctrl + wheel, a
 * double click, or + and −; move by dragging; walk through entries with the arrow keys.
 */
import { html, LitElement, nothing, type PropertyValues, type TemplateResult } from "lit";
import { appearance } from "../framework/appearance.js";
import { colorTable, cssColor } from "../plots/color-scale.js";
import { frameMargin, matrixFrame, svgElement } from "../plots/matrix-frame.js";
import { createPooled, poolStrip, type Pooled, type Window } from "../plots/max-pool.js";
import { rowProfile } from "./row-profile.js";

export interface HeatmapOptions {
  /** Attention weights (n, n). */
  weights: Float32Array;
  n: number;
  /** Kept keys per row, as attendTopK returns them with `indices: true`. */
  kept?: { indices: Uint32Array; offsets: Uint32Array };
  /** Text of each position. */
  tokens?: readonly string[];
  /** Title of the vertical and horizontal axis. */
  titles?: { row: string; column: string };
}

interface Place {
  row: number;
  column: number;
}

/** Smallest weight with a color of its own. */
const faintest = 1e-5;
const fewestEntries = 12;
const sliceMs = 10;

/** A new picture of the same thing looks at the same place. */
let remembered: { n: number; window: Window; cursor: Place | undefined } | undefined;

export class AttnHeatmap extends LitElement {
  static override properties = {
    options: { attribute: false },
    cursor: { state: true },
    window: { state: true },
    side: { state: true },
  };
  declare options: HeatmapOptions;
  declare cursor: Place | undefined;
  declare window: Window;
  declare side: number;
  readonly #canvas = document.createElement("canvas");
  #keptMask: Uint8Array | undefined;
  #painting = 0;
  #drag: { x: number; y: number; window: Window } | undefined;
  readonly #resize = new ResizeObserver(() => this.#measure());
  readonly #repaint = (): void => this.requestUpdate("window");

  constructor(options: HeatmapOptions) {
    super();
    const { n, kept } = options;
    if (options.weights.length !== n * n) {
      throw new RangeError(`weights has ${options.weights.length} entries; n = ${n} needs ${n * n}`);
    }
    this.options = options;
    this.#canvas.className = "heatmap-canvas";
    this.side = 0;
    const same = remembered?.n === n ? remembered : undefined;
    this.window = same?.window ?? whole(n);
    this.cursor = same?.cursor ?? strongestLink(options);
    if (kept !== undefined) this.#keptMask = maskOf(kept, n);
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#measure();
    this.#resize.observe(this);
    appearance.addEventListener("change", this.#repaint);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#resize.disconnect();
    appearance.removeEventListener("change", this.#repaint);
    ++this.#painting;
  }

  #measure(): void {
    const available = Math.floor(this.clientWidth >= 760 ? this.clientWidth - 306 : this.clientWidth);
    const side = Math.max(160, Math.min(available, 600) - frameMargin.left - frameMargin.right);
    if (side !== this.side) this.side = side;
  }

  protected override updated(changed: PropertyValues<this>): void {
    remembered = { n: this.options.n, window: this.window, cursor: this.cursor };
    if (changed.has("window") || changed.has("side") || changed.has("options")) void this.#paint();
  }

  override render(): TemplateResult {
    const { side, window } = this;
    const { titles = { row: "query position (token)", column: "key position (token)" } } = this.options;
    const width = frameMargin.left + side + frameMargin.right;
    const height = frameMargin.top + side + frameMargin.bottom;
    const zoomed = window.rows < this.options.n;
    const { left, top } = frameMargin;
    this.#canvas.style.cssText = `left:${left}px; top:${top}px; width:${side}px; height:${side}px`;
    const frame = svgElement("svg", {
      width,
      height,
      viewBox: `0 0 ${width} ${height}`,
      class: "heatmap-frame",
      "aria-hidden": "true",
    });
    const crosshair = svgElement("g", { class: "heatmap-crosshair", "pointer-events": "none" });
    crosshair.append(...this.#crosshair());
    frame.append(matrixFrame(side, window, titles), crosshair);
    return html`
      <div class="heatmap">
        <div class="heatmap-map">
          <div
            class="heatmap-stage"
            style=${`width:${width}px; height:${height}px`}
            tabindex="0"
            role="application"
            aria-roledescription="heat map"
            aria-label="Attention weights. Arrow keys walk through the entries, plus and minus zoom, zero shows all."
            ?data-zoomed=${zoomed}
            @keydown=${(event: KeyboardEvent) => this.#key(event)}
            @wheel=${{ handleEvent: (event: WheelEvent) => this.#wheel(event), passive: false }}
            @dblclick=${(event: MouseEvent) => this.#zoom(0.5, this.#placeAt(event))}
            @pointerdown=${(event: PointerEvent) => this.#pointerDown(event)}
            @pointermove=${(event: PointerEvent) => this.#pointerMove(event)}
            @pointerup=${() => (this.#drag = undefined)}
            @pointercancel=${() => (this.#drag = undefined)}
          >
            ${this.#canvas} ${frame}
          </div>
          <div class="heatmap-foot" style=${`margin-left:${frameMargin.left}px; max-width:${side}px`}>
            ${this.#legend()}
            <span class="heatmap-zoom" role="group" aria-label="Zoom">
              <button type="button" aria-label="Zoom out" ?disabled=${!zoomed} @click=${() => this.#zoom(2)}>−</button>
              <button type="button" aria-label="Zoom in" @click=${() => this.#zoom(0.5)}>+</button>
              <button type="button" ?disabled=${!zoomed} @click=${() => (this.window = whole(this.options.n))}>
                Whole
              </button>
            </span>
          </div>
        </div>
        ${this.#profile()}
      </div>
    `;
  }

  #profile(): TemplateResult | typeof nothing {
    if (this.cursor === undefined) return nothing;
    return rowProfile({ ...this.options, ...this.cursor, keptMask: this.#keptMask });
  }

  #legend(): TemplateResult {
    const gradient = (kind: "color" | "grey"): string => {
      const table = colorTable(appearance.current, kind);
      const stops = Array.from({ length: 9 }, (_, i) => cssColor(table[Math.round((i * 255) / 8)]!));
      return `linear-gradient(to right, ${stops.join(", ")})`;
    };
    const bars = this.#keptMask === undefined ? (["color"] as const) : (["color", "grey"] as const);
    return html`
      <div class="heatmap-legend">
        ${bars.map(
          (kind) => html`
            <span class="legend-bar" style=${`background:${gradient(kind)}`}></span>
            <span class="legend-name">
              ${bars.length === 1 ? "attention weight" : kind === "color" ? "kept" : "dropped"}
            </span>
          `,
        )}
        <span class="legend-scale">
          <span>10⁻⁵</span>
          <span>10⁻⁴</span>
          <span>10⁻³</span>
          <span>0.01</span>
          <span>0.1</span>
          <span>1</span>
        </span>
      </div>
    `;
  }

  #crosshair(): SVGElement[] {
    const { cursor, window, side } = this;
    if (cursor === undefined) return [];
    const cell = side / window.rows;
    const x = frameMargin.left + (cursor.column - window.column) * cell;
    const y = frameMargin.top + (cursor.row - window.row) * cell;
    const inside = (start: number, length: number, position: number): boolean =>
      position >= start && position < start + length;
    const marks: SVGElement[] = [];
    const size = Math.max(cell, 7);
    const line = { stroke: "var(--accent)", "stroke-opacity": 0.55 };
    if (inside(window.row, window.rows, cursor.row)) {
      const middle = y + cell / 2;
      marks.push(
        svgElement("line", { ...line, x1: frameMargin.left, x2: frameMargin.left + side, y1: middle, y2: middle }),
      );
      if (inside(window.column, window.columns, cursor.column)) {
        marks.push(
          svgElement("rect", {
            x: x + cell / 2 - size / 2,
            y: middle - size / 2,
            width: size,
            height: size,
            fill: "none",
            stroke: "var(--accent)",
            "stroke-width": 2,
          }),
        );
      }
    }
    return marks;
  }

  // The picture
  // --------------------------------------------------------------------------------------------------------

  async #paint(): Promise<void> {
    const turn = ++this.#painting;
    const { weights, n } = this.options;
    const pixels = Math.round(this.side * Math.min(2, devicePixelRatio));
    if (pixels <= 0) return;
    const context = this.#canvas.getContext("2d");
    if (context === null) return;
    if (this.#canvas.width !== pixels) this.#canvas.width = this.#canvas.height = pixels;
    const pooled = createPooled(pixels, pixels);
    const image = context.createImageData(pixels, pixels);
    const words = new Uint32Array(image.data.buffer);
    for (let from = 0; from < pixels;) {
      const began = performance.now();
      let to = from;
      while (to < pixels && performance.now() - began < sliceMs) {
        poolStrip(weights, n, this.window, pooled, to, to + 1);
        this.#colorRow(pooled, to, words);
        ++to;
      }
      context.putImageData(image, 0, 0, 0, from, pixels, to - from);
      from = to;
      if (from < pixels) await nextFrame();
      if (turn !== this.#painting) return;
    }
  }

  #colorRow({ values, places, width }: Pooled, y: number, words: Uint32Array): void {
    const color = colorTableOf("color");
    const grey = colorTableOf("grey");
    const mask = this.#keptMask;
    const decades = -Math.log10(faintest);
    for (let at = y * width; at < (y + 1) * width; ++at) {
      const value = values[at]!;
      if (!(value > 0)) continue;
      const level = Math.max(0, Math.min(1, 1 + Math.log10(value) / decades));
      const table = mask === undefined || mask[places[at]!] === 1 ? color : grey;
      words[at] = table[Math.round(level * 255)]!;
    }
  }

  /** The same picture as a drawing of its own, for export. */
  toSvg(): SVGSVGElement {
    const frame = this.querySelector<SVGSVGElement>(".heatmap-frame")!.cloneNode(true) as SVGSVGElement;
    frame.querySelector(".heatmap-crosshair")?.remove();
    const { top: y, left: x } = frameMargin;
    const [size, href] = [this.side, this.#canvas.toDataURL("image/png")];
    frame.prepend(svgElement("image", { x, y, width: size, height: size, href, style: "image-rendering: pixelated" }));
    return frame;
  }

  // Looking around
  // -----------------------------------------------------------------------------------------------------

  #placeAt(event: MouseEvent): Place | undefined {
    const box = this.#canvas.getBoundingClientRect();
    const { window } = this;
    const column = Math.floor(window.column + ((event.clientX - box.left) / box.width) * window.columns);
    const row = Math.floor(window.row + ((event.clientY - box.top) / box.height) * window.rows);
    const { n } = this.options;
    return row >= 0 && row < n && column >= 0 && column < n ? { row, column } : undefined;
  }

  #pointerDown(event: PointerEvent): void {
    this.cursor = this.#placeAt(event) ?? this.cursor;
    if (this.window.rows === this.options.n || event.button !== 0) return;
    this.#drag = { x: event.clientX, y: event.clientY, window: this.window };
    (event.currentTarget as Element).setPointerCapture(event.pointerId);
  }

  #pointerMove(event: PointerEvent): void {
    if (this.#drag === undefined) {
      if (event.pointerType === "mouse") this.cursor = this.#placeAt(event) ?? this.cursor;
      return;
    }
    const { x, y, window } = this.#drag;
    const perPixel = window.rows / this.side;
    this.window = inside(
      {
        ...window,
        row: window.row - (event.clientY - y) * perPixel,
        column: window.column - (event.clientX - x) * perPixel,
      },
      this.options.n,
    );
  }

  #wheel(event: WheelEvent): void {
    if (!event.ctrlKey && !event.metaKey) return;
    event.preventDefault();
    this.#zoom(event.deltaY > 0 ? 1.25 : 0.8, this.#placeAt(event));
  }

  /** Around `center`, which stays where it is on the screen. */
  #zoom(factor: number, center: Place | undefined = this.cursor): void {
    const { n } = this.options;
    const { row, column, rows } = this.window;
    const length = Math.max(Math.min(fewestEntries, n), Math.min(n, rows * factor));
    const at = center ?? { row: row + rows / 2, column: column + rows / 2 };
    const share = { row: clampShare((at.row - row) / rows), column: clampShare((at.column - column) / rows) };
    this.window = inside(
      { row: at.row - share.row * length, column: at.column - share.column * length, rows: length, columns: length },
      n,
    );
  }

  #key(event: KeyboardEvent): void {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const { n } = this.options;
    const step = Math.max(1, Math.round(this.window.rows / 100)) * (event.shiftKey ? 10 : 1);
    const moves: Record<string, [number, number]> = {
      ArrowUp: [-step, 0],
      ArrowDown: [step, 0],
      ArrowLeft: [0, -step],
      ArrowRight: [0, step],
    };
    const move = moves[event.key];
    if (move !== undefined) this.#moveTo((this.cursor?.row ?? 0) + move[0], (this.cursor?.column ?? 0) + move[1]);
    else if (event.key === "+" || event.key === "=") this.#zoom(0.5);
    else if (event.key === "-") this.#zoom(2);
    else if (event.key === "0") this.window = whole(n);
    else return;
    event.preventDefault();
  }

  /** Moves the cursor and keeps it in sight. */
  #moveTo(row: number, column: number): void {
    const last = this.options.n - 1;
    const cursor = { row: Math.max(0, Math.min(last, row)), column: Math.max(0, Math.min(last, column)) };
    const follow = (start: number, length: number, position: number): number =>
      position < start ? position : position + 1 > start + length ? position + 1 - length : start;
    const { window } = this;
    const moved = {
      row: follow(window.row, window.rows, cursor.row),
      column: follow(window.column, window.columns, cursor.column),
    };
    this.cursor = cursor;
    if (moved.row !== window.row || moved.column !== window.column)
      this.window = inside({ ...window, ...moved }, this.options.n);
  }
}

function whole(n: number): Window {
  return { row: 0, column: 0, rows: n, columns: n };
}

/** Whole entries, inside the matrix. */
function inside({ row, column, rows }: Window, n: number): Window {
  const length = Math.max(1, Math.min(n, Math.round(rows)));
  const start = (value: number): number => Math.max(0, Math.min(n - length, Math.round(value)));
  return { row: start(row), column: start(column), rows: length, columns: length };
}

function clampShare(share: number): number {
  return Math.max(0, Math.min(1, share));
}

/** Where to look first: the strongest link from the second half of the text to something far back. */
function strongestLink({ weights, n }: HeatmapOptions): Place {
  let best = { row: n - 1, column: 0 };
  let strongest = -1;
  for (let row = n >> 1; row < n; row += 7) {
    for (let column = 1; column < row - 16; ++column) {
      const weight = weights[row * n + column]!;
      if (weight > strongest) {
        strongest = weight;
        best = { row, column };
      }
    }
  }
  return best;
}

function maskOf({ indices, offsets }: { indices: Uint32Array; offsets: Uint32Array }, n: number): Uint8Array {
  const mask = new Uint8Array(n * n);
  for (let row = 0; row < n; ++row) {
    for (let at = offsets[row]!; at < offsets[row + 1]!; ++at) mask[row * n + indices[at]!] = 1;
  }
  return mask;
}

function nextFrame(): Promise<void> {
  return new Promise((resolve) => requestAnimationFrame(() => resolve()));
}

const tables = new Map<string, Uint32Array>();

function colorTableOf(kind: "color" | "grey"): Uint32Array {
  const key = `${appearance.current} ${kind}`;
  let table = tables.get(key);
  if (table === undefined) tables.set(key, (table = colorTable(appearance.current, kind)));
  return table;
}

customElements.define("attn-heatmap", AttnHeatmap);

/** A heat map for a cell: `heatmap({weights, n, kept, tokens})` */
export function heatmap(options: HeatmapOptions): AttnHeatmap {
  return new AttnHeatmap(options);
}
