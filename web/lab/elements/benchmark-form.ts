/** The form of the benchmark page: each control is a setting of the link. */
import { html, nothing, type TemplateResult } from "lit";
import { choices, threadChoices, type Beside, type Settings } from "../benchmark/settings.js";

export interface FormOptions {
  settings: Settings;
  cores: number;
  isolated: boolean;
  /** Whether the lab was built with this library. */
  present: (name: Exclude<Beside, "plain">) => boolean;
  disabled: boolean;
  change: (change: Partial<Settings>) => void;
  submit: () => void;
}

const operationNames = {
  exact: "Exact attention",
  topk: "Top-k attention",
  decode: "One token, exact",
  "decode-topk": "One token, top-k",
};
const arithmeticNames = { relaxed: "relaxed SIMD", simd: "SIMD" };
const besideNames = {
  plain: "plain JavaScript",
  "onnxruntime-web": "onnxruntime-web",
  litert: "LiteRT.js",
  tfjs: "TensorFlow.js",
};

export function benchmarkForm(options: FormOptions): TemplateResult {
  const { settings, cores, isolated, present, disabled, change, submit } = options;
  const counts = [...new Set([...threadChoices(cores), ...settings.threads])].sort((a, b) => a - b);
  const absent = choices.beside.filter((name) => name !== "plain" && !present(name));
  return html`
    <form
      id="bench-form"
      class="bench-form"
      @submit=${(event: Event) => {
        event.preventDefault();
        submit();
      }}
    >
      <fieldset class="bench-set" ?disabled=${disabled}>
        <legend>Measure</legend>
        ${several("operations", choices.operations, settings.operations, (name) => operationNames[name], change)}
      </fieldset>
      <fieldset class="bench-set" ?disabled=${disabled}>
        <legend>heed's builds</legend>
        ${several("arithmetic", choices.arithmetic, settings.arithmetic, (name) => arithmeticNames[name], change, 1)}
      </fieldset>
      <fieldset class="bench-set" ?disabled=${disabled}>
        <legend>Threads</legend>
        ${several("threads", counts, settings.threads, String, change, 1, isolated ? undefined : (count) => count === 1)}
        ${isolated ? nothing : html` <p class="bench-hint">This page is not isolated, so there is one thread.</p> `}
      </fieldset>
      <fieldset class="bench-set" ?disabled=${disabled}>
        <legend>Beside</legend>
        ${several(
          ...(["beside", choices.beside, settings.beside, (name: Beside) => besideNames[name], change, 0] as const),
          (name) => name === "plain" || present(name),
        )}
        ${
          absent.length === 0
            ? nothing
            : html`
                <p class="bench-hint">
                  ${absent.map((name) => besideNames[name]).join(", ")}: not installed where this lab was built.
                </p>
              `
        }
      </fieldset>
      <fieldset class="bench-set bench-sizes" ?disabled=${disabled}>
        <legend>Sizes</legend>
        ${one("n", "tokens", settings.n, choices.n, change)}
        ${one("cache", "tokens in the cache", settings.cache, choices.cache, change)}
        ${one("heads", "heads", settings.heads, choices.heads, change)}
        ${one("headDim", "d of a head", settings.headDim, choices.headDim, change)}
        ${one("k", "k, keys kept", settings.k, choices.k, change)}
        ${one("seconds", "seconds each", settings.seconds, choices.seconds, change)}
        <label class="bench-check">
          <input
            type="checkbox"
            name="causal"
            .checked=${settings.causal}
            @change=${(event: Event) => change({ causal: (event.target as HTMLInputElement).checked })}
          />
          causal
        </label>
      </fieldset>
    </form>
  `;
}

type Lists = "operations" | "arithmetic" | "threads" | "beside";

function several<Name extends string | number>(
  setting: Lists,
  legal: readonly Name[],
  chosen: readonly Name[],
  nameOf: (name: Name) => string,
  change: FormOptions["change"],
  fewest = 0,
  able: (name: Name) => boolean = () => true,
): TemplateResult[] {
  return legal.map((name) => {
    const has = chosen.includes(name);
    const toggle = (event: Event): void => {
      const next = legal.filter((one) => (one === name ? !has : chosen.includes(one)));
      if (next.length >= fewest) return change({ [setting]: next });
      (event.target as HTMLInputElement).checked = true;
    };
    return html`
      <label class="bench-check">
        <input
          type="checkbox"
          name=${setting}
          value=${name}
          .checked=${has}
          ?disabled=${!able(name)}
          @change=${toggle}
        />
        ${nameOf(name)}
      </label>
    `;
  });
}

function one(
  setting: "n" | "cache" | "heads" | "headDim" | "k" | "seconds",
  label: string,
  value: number,
  legal: readonly number[],
  change: FormOptions["change"],
): TemplateResult {
  const choose = (event: Event): void => change({ [setting]: Number((event.target as HTMLSelectElement).value) });
  return html`
    <label>
      <span>${label}</span>
      <select name=${setting} .value=${String(value)} @change=${choose}>
        ${legal.map((choice) => html` <option value=${choice} ?selected=${choice === value}>${choice}</option> `)}
      </select>
    </label>
  `;
}
