/**
 * `<lab-claims>`: what the text says, checked against the rows above it. Undecided while the rows are still coming, or
 * when the reader stopped early.
 */
import { html, LitElement, type TemplateResult } from "lit";
import type { Claim, Verdict } from "../experiments/experiment.js";

interface CheckedRows<Row> extends ReadonlyArray<Row> {
  state?: "precomputed" | "running" | "done" | "cancelled";
}

type Outcome = { text: string; verdict: Verdict | undefined };

export class LabClaims extends LitElement {
  static override properties = { outcomes: { attribute: false }, run: { attribute: false } };
  declare outcomes: readonly Outcome[];
  /** Which run decided: an earlier one, whose columns came with the page, or the one just done here. */
  declare run: "earlier" | "here";

  constructor(outcomes: readonly Outcome[], run: "earlier" | "here") {
    super();
    this.outcomes = outcomes;
    this.run = run;
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override render(): TemplateResult {
    return html`
      <ul class="claims" aria-label="Checked claims">
        ${this.outcomes.map(({ text, verdict }) => {
          const state = verdict === undefined ? "open" : verdict.holds ? "holds" : "fails";
          const place = this.run === "here" ? "here" : "in an earlier run";
          const words = { open: "not decided", holds: `holds ${place}`, fails: `does not hold ${place}` }[state];
          return html`
            <li data-state=${state} data-run=${this.run}>
              <span class="claim-verdict">
                <span aria-hidden="true">${{ open: "…", holds: "✓", fails: "✗" }[state]}</span>
                ${words}
              </span>
              <span class="claim-text">${text}</span>
              <span class="claim-detail">${unbroken(verdict?.detail ?? "waits for all rows")}</span>
            </li>
          `;
        })}
      </ul>
    `;
  }
}

/** "k = 8" and "14.5 %" stay on one line. */
function unbroken(text: string): string {
  return text.replaceAll(" = ", "\u00a0=\u00a0").replaceAll(" %", "\u00a0%");
}

customElements.define("lab-claims", LabClaims);

/** `claims(experiments.collapse, rows)` */
export function claims<Row>(experiment: { claims: readonly Claim<Row>[] }, rows: CheckedRows<Row>): LabClaims {
  const complete = rows.state === undefined || rows.state === "done" || rows.state === "precomputed";
  return new LabClaims(
    experiment.claims.map(({ text, check }) => ({ text, verdict: complete ? check(rows) : undefined })),
    rows.state === "precomputed" ? "earlier" : "here",
  );
}
