/**
 * The reader's choice of how a model attends. All settings are there at once, those of other kinds too, so that going
 * to another kind and back loses nothing. As text it stands in the address of the page.
 */
import type { AttentionPolicy, Estimator, LayerPolicy, SparsePolicy } from "heed";

export const kinds = ["exact", "top-k", "growing", "window"] as const;
export type Kind = (typeof kinds)[number];

export const kindNames: Record<Kind, string> = {
  exact: "everything (exact)",
  "top-k": "the k largest",
  growing: "a growing number, α n^C",
  window: "the latest and the first",
};

export const estimators = ["linear", "compensated", "renormalized", "raw"] as const satisfies readonly Estimator[];
export const searches = ["auto", "exact", "int8"] as const satisfies readonly NonNullable<SparsePolicy["search"]>[];

export interface PolicyChoice {
  kind: Kind;
  k: number;
  alpha: number;
  exponent: number;
  estimator: Estimator;
  search: (typeof searches)[number];
  window: number;
  sinks: number;
  /** The first so many layers attend to everything. */
  exactLayers: number;
}

export const defaultChoice: PolicyChoice = {
  kind: "top-k",
  k: 8,
  alpha: 1,
  exponent: 0.25,
  estimator: "linear",
  search: "auto",
  window: 252,
  sinks: 4,
  exactLayers: 0,
};

/** Bounds of the numbers: what a reader may ask for. */
export const limits = {
  k: { min: 1, max: 16384, integer: true },
  alpha: { min: 0.001, max: 1000, integer: false },
  exponent: { min: 0, max: 1, integer: false },
  window: { min: 1, max: 131072, integer: true },
  sinks: { min: 0, max: 1024, integer: true },
  exactLayers: { min: 0, max: 1000, integer: true },
} as const;

function layerPolicy({ kind, k, alpha, exponent, estimator, search, window, sinks }: PolicyChoice): LayerPolicy {
  if (kind === "exact") return "exact";
  if (kind === "window") return { window, sinks };
  return { keep: kind === "top-k" ? { k } : { alpha, exponent, min: 1 }, estimator, search };
}

/** As heed takes it. */
export function attentionOf(choice: PolicyChoice, layers: number): AttentionPolicy {
  const policy = layerPolicy(choice);
  if (choice.exactLayers === 0 || policy === "exact") return policy;
  return Array.from({ length: layers }, (_, layer) => (layer < choice.exactLayers ? "exact" : policy));
}

/** In a few words, for headings and tables. */
export function nameOf(choice: PolicyChoice): string {
  const { kind, k, alpha, exponent, estimator, window, sinks, exactLayers } = choice;
  const name = {
    exact: "exact",
    "top-k": `k = ${k}, ${estimator}`,
    growing: `${alpha} n^${exponent}, ${estimator}`,
    window: `last ${window} + first ${sinks}`,
  }[kind];
  const layers = exactLayers === 1 ? "layer 0" : `layers 0–${exactLayers - 1}`;
  return kind === "exact" || exactLayers === 0 ? name : `${name}; ${layers} exact`;
}

const order = ["kind", "k", "alpha", "exponent", "estimator", "search", "window", "sinks", "exactLayers"] as const;

export function writeChoice(choice: PolicyChoice): string {
  return order.map((name) => choice[name]).join(",");
}

/** What a link says, as far as it can be: anything else keeps the default. */
export function readChoice(text: string | null, fallback: PolicyChoice): PolicyChoice {
  if (text === null) return fallback;
  const parts = text.split(",");
  const choice: PolicyChoice = { ...fallback };
  for (const [i, name] of order.entries()) {
    const part = parts[i] ?? "";
    if (name === "kind") choice.kind = kinds.find((one) => one === part) ?? choice.kind;
    else if (name === "estimator") choice.estimator = estimators.find((one) => one === part) ?? choice.estimator;
    else if (name === "search") choice.search = searches.find((one) => one === part) ?? choice.search;
    else choice[name] = within(name, part === "" ? Number.NaN : Number(part), choice[name]);
  }
  return choice;
}

/** The number where it is legal, else the other one. */
export function within(name: keyof typeof limits, value: number, otherwise: number): number {
  const { min, max, integer } = limits[name];
  return value >= min && value <= max && (!integer || Number.isInteger(value)) ? value : otherwise;
}
