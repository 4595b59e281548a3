/** `<model-run>`: one continuation under one policy, as it is written. */
import type { AttentionPolicy, Decoder } from "heed";
import { html, LitElement, nothing, type TemplateResult } from "lit";
import { meanOf, RunRecorder, type Measure, type RunRecord } from "./run-record.js";
import { percentOf, reasonOf, sizeOf, speedOf } from "./words.js";

type Phase = "idle" | "waiting" | "reading" | "writing" | "done" | "cancelled" | "failed";

export interface RunOrder {
  decoder: Decoder;
  ids: readonly number[];
  /** The end of what is read, shown before what is written. */
  lead: string;
  attention: AttentionPolicy;
  promptAttention: AttentionPolicy;
  tokens: number;
  temperature: number;
  /** Measure all attention, also what a window hides. */
  profile: boolean;
  signal: AbortSignal;
}

/** Chosen: faster than this nobody reads, and drawing takes time from writing. */
const drawMs = 80;

const captions: Record<Measure, string> = {
  dropped: "Attention dropped by layer (down) and head (across), %",
  bound: "Certified bound of it by layer (down) and head (across), %",
  kept: "Entries kept by layer (down) and head (across), % of the text",
};

export class ModelRun extends LitElement {
  static override properties = {
    heading: {},
    name: {},
    measure: {},
    phase: { state: true },
    share: { state: true },
    record: { state: true },
    problem: { state: true },
    lead: { state: true },
  };
  declare heading: string;
  declare name: string;
  declare measure: Measure;
  declare phase: Phase;
  declare share: number;
  declare record: RunRecord | undefined;
  declare problem: string | undefined;
  declare lead: string;

  constructor() {
    super();
    this.heading = this.name = "";
    this.measure = "dropped";
    this.clear();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  clear(phase: Phase = "idle"): void {
    this.phase = phase;
    this.share = 0;
    this.lead = "";
    this.record = this.problem = undefined;
  }

  /** Never throws: what goes wrong is told here. */
  async run({ decoder, ids, lead, profile, signal, ...options }: RunOrder): Promise<void> {
    this.clear("reading");
    this.lead = lead;
    const recorder = new RunRecorder();
    let [latest, drawn]: [RunRecord | undefined, number] = [undefined, 0];
    const onProgress = ({ loaded, total }: { loaded: number; total: number }): void =>
      void (this.share = loaded / total);
    try {
      const tokens = decoder.generate(ids, { ...options, profile, report: !profile, signal, onProgress });
      for await (const token of tokens) {
        latest = recorder.add(token);
        this.phase = "writing";
        if (performance.now() - drawn < drawMs) continue;
        this.record = latest;
        drawn = performance.now();
      }
      this.phase = "done";
    } catch (error) {
      this.phase = signal.aborted ? "cancelled" : "failed";
      if (!signal.aborted) this.problem = reasonOf(error);
    }
    this.record = latest;
  }

  override render(): TemplateResult {
    return html`
      <section class="run" data-phase=${this.phase} aria-label=${`${this.heading}: ${this.name}`}>
        <h3>
          <span class="run-letter">${this.heading}</span>
          ${this.name}
        </h3>
        ${this.#state()}
        ${this.problem === undefined ? nothing : html` <p class="device-fault" role="alert">${this.problem}.</p> `}
        ${this.record === undefined ? nothing : this.#found(this.record)}
      </section>
    `;
  }

  #state(): TemplateResult {
    const words = {
      idle: "not run yet",
      waiting: "waits for its turn",
      reading: `reading, ${percentOf(this.share)}`,
      writing: "writing",
      done: "done",
      cancelled: "cancelled",
      failed: "failed",
    }[this.phase];
    const { record } = this;
    const read =
      record === undefined ? "" : `; read ${record.read} tokens at ${speedOf(record.readPerSecond)} tokens/s`;
    return html` <p class="run-state" role="status">${words}${read}</p> `;
  }

  #found({ text, ids, tokensPerSecond, cacheBytes, layers, heads, means }: RunRecord): TemplateResult {
    // One behind the other: a space between them would be one of the text.
    const parts = [html`<span class="run-lead">${this.lead}</span>`, html`<span>${text}</span>`];
    return html`
      <p class="run-text" tabindex="0" role="region" aria-label=${`What ${this.heading} wrote`}>${parts}</p>
      <dl class="numbers run-numbers">
        ${number("tokens/s while writing", ids.length < 2 ? "–" : speedOf(tokensPerSecond), tokensPerSecond)}
        ${number("attention dropped", percentOf(meanOf(means.dropped)), meanOf(means.dropped))}
        ${number("of the text kept", percentOf(meanOf(means.kept)), meanOf(means.kept))}
        ${number("keys and values", sizeOf(cacheBytes), cacheBytes)}
      </dl>
      <sparsity-map
        .caption=${captions[this.measure]}
        .label=${`${this.heading}: ${captions[this.measure]}`}
        .shown=${{ layers, heads, values: means[this.measure] }}
      ></sparsity-map>
    `;
  }
}

function number(label: string, text: string, value: number): TemplateResult {
  return html`
    <div>
      <dt>${label}</dt>
      <dd data-value=${value}>${text}</dd>
    </div>
  `;
}
