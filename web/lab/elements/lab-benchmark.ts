/** `<lab-benchmark>`: chooses what is measured, measures it, and shows times beside errors. */
import { html, LitElement, nothing, type TemplateResult } from "lit";
import installed from "virtual:peers";
import { pointsOf, roofsOf } from "../benchmark/roofline.js";
import { clockText, toJson, toMarkdown } from "../benchmark/report.js";
import { buildOf, columnsOf, verdictText } from "../benchmark/rows.js";
import { measure, Refusal, type MeasuredTable, type Result } from "../benchmark/run.js";
import { defaultSettings, fromHash, toHash, type Settings } from "../benchmark/settings.js";
import { packageOf, tablesOf } from "../benchmark/tables.js";
import { short } from "../../../bench/harness/format.mjs";
import { browserName } from "../framework/provenance.js";
import { downloadText } from "../framework/download.js";
import { roofline } from "../plots/roofline.js";
import { benchmarkForm } from "./benchmark-form.js";
import { figure, type LabFigure } from "./lab-figure.js";

type State = "ready" | "running" | "done" | "aborted" | "refused" | "failed";

const isolated = globalThis.crossOriginIsolated;
const cores = Math.max(1, navigator.hardwareConcurrency);

export class LabBenchmark extends LitElement {
  static override properties = {
    settings: { state: true },
    state: { state: true },
    message: { state: true },
    progress: { state: true },
    result: { state: true },
    copied: { state: true },
  };
  declare settings: Settings;
  declare state: State;
  /** What the reader should know of the link they came by, or of how the run ended. */
  declare message: string;
  declare progress: string;
  declare result: Result | undefined;
  declare copied: string;
  #abort: AbortController | undefined;
  #roofline: LabFigure | undefined;

  constructor() {
    super();
    this.settings = defaultSettings(cores, isolated);
    this.state = "ready";
    this.message = this.progress = this.copied = "";
    this.result = undefined;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#readLink();
    addEventListener("hashchange", this.#readLink);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    removeEventListener("hashchange", this.#readLink);
    this.#abort?.abort(new Error("the page was left"));
  }

  readonly #readLink = (): void => {
    if (location.hash.length < 2 || this.state === "running") return;
    const { settings, refused } = fromHash(location.hash, defaultSettings(cores, isolated));
    this.settings = settings;
    this.message =
      refused.length === 0
        ? "These are the settings of a link. Run repeats its run here."
        : `Not all of this link could be read: ${refused.join("; ")}. The rest is set.`;
  };

  #change(change: Partial<Settings>): void {
    // Both must have more than k keys.
    const { settings, refused } = fromHash(toHash({ ...this.settings, ...change }), this.settings);
    this.settings = settings;
    this.message = refused.join("; ");
  }

  get #link(): string {
    const { origin, pathname } = location;
    return `${origin}${pathname}#${toHash(this.result?.settings ?? this.settings)}`;
  }

  async #run(): Promise<void> {
    const { settings } = this;
    this.#abort = new AbortController();
    this.state = "running";
    this.message = this.copied = "";
    this.progress = "starting";
    this.result = this.#roofline = undefined;
    history.replaceState(history.state, "", `#${toHash(settings)}`);
    const tables = tablesOf(settings, { packages: Object.keys(installed), isolated });
    try {
      await measure(settings, tables, {
        signal: this.#abort.signal,
        tell: (text) => (this.progress = text),
        // The same object grows; a new one tells Lit.
        show: (result) => (this.result = { ...result }),
      });
      this.state = "done";
    } catch (error) {
      this.#explain(error);
    }
    this.#draw();
  }

  #explain(error: unknown): void {
    this.message = error instanceof Error ? error.message : String(error);
    if (this.#abort?.signal.aborted) {
      this.state = "aborted";
      return;
    }
    this.state = error instanceof Refusal ? "refused" : "failed";
    // Times of a hidden tab are no times.
    this.result = undefined;
  }

  #stop(): void {
    this.#abort?.abort(new Error("Aborted. Rows of the last table are not complete and were not judged again."));
  }

  #draw(): void {
    const tables = this.result?.tables ?? [];
    const points = pointsOf(tables);
    const roofs = roofsOf(tables);
    if (points.length === 0 || roofs.length === 0) return;
    const most = Math.max(...roofs.map(({ threads }) => threads));
    this.#roofline = figure({
      name: "roofline",
      title: "What the machine allows, and what was reached",
      caption:
        `The lines are what loops reached in the same run, by threads: multiply-adds, and "${roofs[0]!.reading}". Work and bytes are ` +
        "those of the operation, not of the implementation; top-k counts as a plain scan, so a search that skips keys " +
        `may lie above its roof. ${most > 1 ? `Filled: ${most} threads. ` : ""}Both axes are logarithmic.`,
      rows: points.map((point) => ({ ...point })),
      draw: ({ width }) =>
        roofline({
          points,
          roofs: roofs.map(({ threads, peak, bandwidth }) => ({
            name: `${threadsText(threads)}: ${short(peak)} GFLOP/s, ${short(bandwidth)} GB/s`,
            peak,
            bandwidth,
          })),
          group: familyOf,
          filled: ({ threads }) => threads === most,
          tell: ({ name, threads, share }) =>
            `${name}, ${threadsText(threads)}${share === undefined ? "" : `\n${Math.round(100 * share)} % of its roof`}`,
          width,
        }),
    });
    this.requestUpdate();
  }

  override render(): TemplateResult {
    const running = this.state === "running";
    return html`
      <h1>How fast is it here?</h1>
      <p>
        This page measures heed on your machine: exact attention, top-k attention, and one new token over a cache,
        beside plain JavaScript and other libraries. Every answer is compared with attention in double precision before
        and after it is timed; a wrong one has no time. Nothing leaves this page.
      </p>
      ${this.#environment()}
      ${benchmarkForm({
        settings: this.settings,
        cores,
        isolated,
        present: (name) => packageOf[name] in installed,
        disabled: running,
        change: (change) => this.#change(change),
        submit: () => void this.#run(),
      })}
      <div class="bench-run">
        ${
          running
            ? html` <button type="button" class="primary" @click=${() => this.#stop()}>Abort</button> `
            : html`
                <button
                  type="submit"
                  form="bench-form"
                  class="primary"
                  ?disabled=${this.settings.operations.length === 0}
                >
                  Run
                </button>
              `
        }
        <span role="status" class="bench-progress" data-state=${this.state}>${this.#stateText()}</span>
      </div>
      ${this.message === "" ? nothing : html` <p class="bench-message" role="alert">${this.message}</p> `}
      ${this.result === undefined ? nothing : this.#results(this.result)} ${notes()}
    `;
  }

  #stateText(): string {
    if (this.state === "running") return this.progress;
    if (this.state === "done") return "Done.";
    return this.settings.operations.length === 0 ? "Choose something to measure." : "";
  }

  #environment(): TemplateResult {
    const measured = this.result?.environment;
    const fact = (name: string, value: string): TemplateResult => html`
      <div>
        <dt>${name}</dt>
        <dd>${value}</dd>
      </div>
    `;
    return html`
      <dl class="bench-facts">
        ${fact("browser", browserName())} ${fact("cores", String(cores))}
        ${fact("isolated", isolated ? "yes: threads" : "no: one thread")}
        ${fact("clock step", measured === undefined ? "measured with the run" : clockText(measured.timerStep))}
      </dl>
    `;
  }

  #results(result: Result): TemplateResult {
    const complete = this.state === "done";
    const say = (what: string) => () => (this.copied = `${what} copied`);
    const copy = (what: string, text: () => string) => (): void => {
      navigator.clipboard.writeText(text()).then(say(what), () => (this.copied = "The browser did not let us copy"));
    };
    const json = (): string => toJson(result, this.#link, complete);
    const markdown = (): string => toMarkdown(result, this.#link, complete);
    return html`
      <section aria-label="Results" class="bench-results" data-complete=${String(complete)}>
        ${result.tables.map((table) => tableOf(table))} ${this.#roofline ?? nothing}
        ${
          this.state === "running"
            ? nothing
            : html`
                <div class="bench-tools" role="group" aria-label="Take the results with you">
                  <button type="button" @click=${copy("Markdown", markdown)}>Copy as Markdown</button>
                  <button type="button" @click=${copy("JSON", json)}>Copy as JSON</button>
                  <button type="button" @click=${() => downloadText(json(), "heed-benchmark.json", "application/json")}>
                    Save JSON
                  </button>
                  <button type="button" @click=${copy("Link", () => this.#link)}>
                    Copy a link that repeats the run
                  </button>
                  <span role="status">${this.copied}</span>
                </div>
              `
        }
      </section>
    `;
  }
}

function tableOf({ title, rows, complete }: MeasuredTable): TemplateResult {
  const columns = columnsOf(rows);
  return html`
    <h2 class="bench-title">${title}</h2>
    <div class="bench-table" tabindex="0" role="region" aria-label=${title} data-complete=${String(complete)}>
      <table>
        <thead>
          <tr>
            ${columns.map(({ name, number }) => html` <th scope="col" class=${number ? "number" : ""} data-column=${name}>${name}</th> `)}
          </tr>
        </thead>
        <tbody>
          ${rows.map((row) => {
            const verdict = verdictText(row);
            return html`
              <tr data-kind=${row.kind} data-verdict=${row.verdict ?? "open"}>
                ${columns.map(({ name, number, cell }, i) => {
                  if (i === 0) return html` <th scope="row" data-build=${buildOf(row)}>${cell(row)}</th> `;
                  return html` <td class=${number ? "number" : ""} data-column=${name}>${cell(row)}</td> `;
                })}
              </tr>
              ${
                verdict === ""
                  ? nothing
                  : html`
                      <tr class="bench-verdict" data-verdict=${row.verdict ?? "open"}>
                        <td colspan=${columns.length}><span>${verdict}</span></td>
                      </tr>
                    `
              }
            `;
          })}
        </tbody>
      </table>
    </div>
  `;
}

function notes(): TemplateResult {
  return html`
    <section class="bench-notes">
      <h2>How it is measured</h2>
      <ul>
        <li>
          Candidates of a table take turns, one sample each, in rotating order, with a pause between: what slows the
          machine for a second slows everybody. Ratios within a table are worth more than single times.
        </li>
        <li>
          <i>Against heed</i>, more than one is faster: how much faster heed's fastest build is than another candidate,
          and how much faster top-k or a smaller cache is than heed's exact call, always with as many threads.
        </li>
        <li>
          A sample is as many calls as it takes to last 5 ms and 50 steps of the clock. The time is the median of all
          samples; the interval holds it with 95 % confidence (bootstrap, 1000 draws).
        </li>
        <li>
          A call takes typed arrays and gives typed arrays, copies into a library's memory included. <i>First</i> is the
          first call, before the browser has optimized anything.
        </li>
        <li>
          The error is the largest difference from attention in double precision over rows drawn from all of them. An
          answer is wrong when it is further off than single precision explains; top-k must also have kept the right
          keys.
        </li>
        <li>
          Every candidate has a worker of its own, which ends with its table or when you abort. A run ends, and counts
          for nothing, when its tab is hidden.
        </li>
        <li>
          On this page TensorFlow.js has one thread: it starts more from a <code>blob:</code> address, which the page's
          security policy does not allow. Plain JavaScript has one by nature.
        </li>
      </ul>
    </section>
  `;
}

/** Points of one library look alike. */
function familyOf({ name, kind }: { name: string; kind: string }): string {
  if (kind === "heed") return name.includes("top-k") && name.startsWith("heed, top-k") ? "heed, top-k" : "heed, exact";
  return /^(plain JavaScript|onnxruntime-web|LiteRT\.js|tfjs)/.exec(name)?.[1] ?? name;
}

const threadsText = (threads: number): string => (threads === 1 ? "1 thread" : `${threads} threads`);
