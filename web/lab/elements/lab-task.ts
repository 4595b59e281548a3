/** `<lab-task>`: how far a piece of work has come, a way to stop it, and a way to run it again. */
import { html, LitElement, nothing, type TemplateResult } from "lit";

type Phase = "waiting" | "running" | "done" | "cancelled" | "failed";

export class LabTask extends LitElement {
  static override properties = {
    heading: {},
    precomputed: { state: true },
    phase: { state: true },
    loaded: { state: true },
    total: { state: true },
    elapsed: { state: true },
  };
  declare heading: string;
  /** What is shown so far comes from an earlier run. */
  declare precomputed: boolean;
  declare phase: Phase;
  declare loaded: number;
  declare total: number;
  declare elapsed: number;
  #began = 0;

  constructor() {
    super();
    this.heading = "Working";
    this.phase = "waiting";
    this.precomputed = false;
    this.loaded = this.total = this.elapsed = 0;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  begin(): void {
    this.#began = performance.now();
    this.phase = "running";
  }

  progress(loaded: number, total: number): void {
    this.loaded = loaded;
    this.total = total;
  }

  end(phase: "done" | "cancelled" | "failed"): void {
    this.elapsed = this.#began === 0 ? 0 : performance.now() - this.#began;
    this.phase = phase;
  }

  override render(): TemplateResult {
    const share = this.total > 0 ? Math.min(1, this.loaded / this.total) : undefined;
    const busy = this.phase === "waiting" || this.phase === "running";
    return html`
      <div class="task" data-phase=${this.phase}>
        <span class="task-heading">
          ${this.heading}${this.precomputed ? html` <span class="task-note">(an earlier run is shown)</span> ` : nothing}
        </span>
        ${
          busy
            ? html`
                <progress
                  aria-label=${this.heading}
                  max="1"
                  .value=${share ?? 0}
                  ?data-unknown=${share === undefined}
                ></progress>
                <span class="task-share">
                  ${this.phase === "waiting" ? "waiting" : share === undefined ? nothing : percent(share)}
                </span>
                <button type="button" @click=${() => this.dispatchEvent(new Event("cancel"))}>Cancel</button>
              `
            : html`
                <span class="task-end" role="status">${ending(this.phase, this.elapsed, this.precomputed)}</span>
                <button type="button" @click=${() => this.#again()}>Run again</button>
              `
        }
      </div>
    `;
  }

  /** The cell around this task hears it and computes itself again. */
  #again(): void {
    this.dispatchEvent(new CustomEvent("lab-run", { bubbles: true }));
  }
}

function percent(share: number): string {
  return `${Math.floor(100 * share)} %`;
}

function ending(phase: Phase, elapsed: number, precomputed: boolean): string {
  if (phase === "cancelled") return precomputed ? "cancelled" : "cancelled; what was found so far is shown";
  if (phase === "failed") return "failed";
  return `done in ${(elapsed / 1000).toFixed(elapsed < 10_000 ? 1 : 0)} s`;
}
