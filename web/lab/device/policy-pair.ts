/**
 * `<policy-pair>`: one attention policy, or two to hold against each other. Their settings stand in the address of the
 * page.
 */
import { html, LitElement, nothing, type TemplateResult } from "lit";
import { address } from "../framework/address.js";
import {
  defaultChoice,
  estimators,
  kindNames,
  kinds,
  limits,
  readChoice,
  searches,
  within,
  writeChoice,
  type Kind,
  type PolicyChoice,
} from "./policy-choice.js";

type Name = "a" | "b";
type NumberName = keyof typeof limits;

const descriptions: Record<Kind, string> = {
  exact: "Nothing is dropped. Every token reads the keys and values of all tokens before it.",
  "top-k": "The k entries with the largest scores, found anew for every row of every head.",
  growing: "k grows with the number n of tokens that a row sees, k = α n^C rounded up.",
  window: "What lies between the first and the latest tokens is not seen at all (StreamingLLM).",
};

const defaults: Record<Name, PolicyChoice> = { a: { ...defaultChoice, kind: "exact" }, b: defaultChoice };

export class PolicyPair extends LitElement {
  static override properties = { a: { state: true }, b: { state: true }, compares: { state: true } };
  declare a: PolicyChoice;
  declare b: PolicyChoice;
  declare compares: boolean;
  readonly #follow = (): void => {
    this.a = readChoice(address.read("a"), defaults.a);
    this.b = readChoice(address.read("b"), defaults.b);
    this.compares = address.read("compare") !== "no";
  };

  constructor() {
    super();
    this.a = defaults.a;
    this.b = defaults.b;
    this.compares = true;
    this.#follow();
  }

  protected override createRenderRoot(): HTMLElement {
    return this;
  }

  override connectedCallback(): void {
    super.connectedCallback();
    address.addEventListener("change", this.#follow);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    address.removeEventListener("change", this.#follow);
  }

  /** One or two. */
  get choices(): readonly { letter: "A" | "B"; choice: PolicyChoice }[] {
    const first = { letter: "A", choice: this.a } as const;
    return this.compares ? [first, { letter: "B", choice: this.b }] : [first];
  }

  #set(name: Name, change: Partial<PolicyChoice>): void {
    this[name] = { ...this[name], ...change };
    const [text, initial] = [writeChoice(this[name]), writeChoice(defaults[name])];
    address.write(name, text === initial ? null : text);
    this.dispatchEvent(new Event("change"));
  }

  #compare(compares: boolean): void {
    this.compares = compares;
    address.write("compare", compares ? null : "no");
    this.dispatchEvent(new Event("change"));
  }

  override render(): TemplateResult {
    return html`
      <div class="device-pair">${this.#form("a", "A")} ${this.compares ? this.#form("b", "B") : nothing}</div>
      <label class="device-check">
        <input
          type="checkbox"
          .checked=${this.compares}
          @change=${(event: Event) => this.#compare((event.target as HTMLInputElement).checked)}
        />
        Compare two policies
      </label>
    `;
  }

  #form(name: Name, letter: string): TemplateResult {
    const choice = this[name];
    const sparse = choice.kind === "top-k" || choice.kind === "growing";
    return html`
      <fieldset class="device-card device-policy" data-policy=${name}>
        <legend>Policy ${letter}</legend>
        ${select("Each token attends to", kinds, choice.kind, (kind) => this.#set(name, { kind }), kindNames)}
        ${choice.kind === "top-k" ? this.#number(name, "k", "k, entries kept") : nothing}
        ${
          choice.kind === "growing"
            ? html`${this.#number(name, "alpha", "α")} ${this.#number(name, "exponent", "C, exponent")}`
            : nothing
        }
        ${
          choice.kind === "window"
            ? html`${this.#number(name, "window", "latest tokens")} ${this.#number(name, "sinks", "first tokens")}`
            : nothing
        }
        ${
          sparse
            ? html`${select("The others", estimators, choice.estimator, (estimator) => this.#set(name, { estimator }), {
                linear: "follow a line (linear tail)",
                compensated: "share what is left (compensated)",
                renormalized: "are left out (renormalized)",
                raw: "count as zero (raw)",
              })}
              ${select("Search", searches, choice.search, (search) => this.#set(name, { search }), {
                auto: "automatic",
                exact: "every score",
                int8: "screened in bytes",
              })}`
            : nothing
        }
        ${choice.kind === "exact" ? nothing : this.#number(name, "exactLayers", "exact in the first … layers")}
        <p class="device-quiet">${descriptions[choice.kind]}</p>
      </fieldset>
    `;
  }

  #number(policy: Name, name: NumberName, label: string): TemplateResult {
    const { min, max, integer } = limits[name];
    const type = (event: Event): void => {
      const before = this[policy][name];
      const value = within(name, (event.target as HTMLInputElement).valueAsNumber, before);
      if (value !== before) this.#set(policy, { [name]: value });
    };
    // What cannot be asked for goes back to what was there.
    const leave = (event: Event): void => void ((event.target as HTMLInputElement).value = String(this[policy][name]));
    return html`
      <label class="device-field">
        <span>${label}</span>
        <input
          type="number"
          name=${name}
          min=${min}
          max=${max}
          step=${integer ? "1" : "any"}
          .value=${String(this[policy][name])}
          @input=${type}
          @change=${leave}
        />
      </label>
    `;
  }
}

/** A menu of words. */
function select<Word extends string>(
  label: string,
  words: readonly Word[],
  chosen: Word,
  choose: (word: Word) => void,
  names: Record<Word, string>,
): TemplateResult {
  const change = (event: Event): void => choose((event.target as HTMLSelectElement).value as Word);
  return html`
    <label class="device-field">
      <span>${label}</span>
      <select @change=${change}>
        ${words.map((word) => html` <option value=${word} ?selected=${word === chosen}>${names[word]}</option> `)}
      </select>
    </label>
  `;
}
