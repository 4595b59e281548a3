/** `attention`: a policy for all layers, or one for each, to the records that the module reads. */
import type { AttentionPolicy, LayerPolicy } from "../decoder-options.js";
import { HeedError } from "../errors.js";
import { rawModelSearches, rawPolicyNumbers } from "../runtime/raw-model.js";
import { rawEstimators } from "../runtime/raw.js";
import { checkKeep } from "./keep.js";
import { checkOptionNames, checkWord, shown } from "./names.js";
import { checkCount } from "./numbers.js";

const sparseNames = ["keep", "estimator", "search", "window", "sinks"] as const;
const legal = '"exact", {keep, …} or {window, …} is needed';

/** Records of `rawPolicyNumbers`: 1, one for each layer, or one for each head of each layer (layer-major). */
export interface CheckedPolicies {
  numbers: number[];
  count: number;
}

type Policy = Record<(typeof rawPolicyNumbers)[number], number>;

const exactly: Policy = {
  ...{ exact: 1, window: 0, sinks: 0, k: 0, alpha: 0, exponent: 0, min: 1, max: 0, mass: 0, threshold: 0 },
  estimator: rawEstimators.indexOf("linear"),
  search: 0,
};

/** Messages name the options of the policy that is meant. */
function within<T>(where: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof HeedError) throw new HeedError(error.code, `${where}: ${error.message}`);
    throw error;
  }
}

/** One record, or one for each head. */
function checkLayerPolicy(where: string, policy: LayerPolicy, heads: number): Policy[] {
  if (policy === "exact") return [exactly];
  if (typeof policy !== "object" || policy === null) {
    throw new HeedError("invalid-argument", `${where} is ${shown(policy)}; ${legal}`);
  }
  checkOptionNames(where, policy, sparseNames);
  const { keep, estimator, search, window, sinks }: Partial<Exclude<LayerPolicy, "exact" | { window: number }>> =
    policy;
  return within(where, () => {
    const rules = {
      window: window === undefined ? 0 : checkCount("window", window),
      sinks: sinks === undefined ? 0 : checkCount("sinks", sinks, 0),
    };
    if (keep === undefined) {
      if (window === undefined) throw new HeedError("invalid-argument", `neither keep nor window is given; ${legal}`);
      if (estimator !== undefined || search !== undefined) {
        throw new HeedError("invalid-argument", "estimator and search go with keep, which is missing");
      }
      return [{ ...exactly, ...rules }];
    }
    const how = {
      exact: 0,
      estimator: rawEstimators.indexOf(checkWord("estimator", estimator ?? "linear", rawEstimators)),
      search: rawModelSearches.indexOf(checkWord("search", search ?? "auto", rawModelSearches)),
    };
    return checkKeep(keep, heads).map((budget) => ({ ...exactly, ...budget, ...rules, ...how }));
  });
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch` */
export function checkPolicies(
  name: string,
  attention: AttentionPolicy | undefined,
  { layers, heads }: { layers: number; heads: number },
): CheckedPolicies {
  const all: readonly LayerPolicy[] = Array.isArray(attention) ? attention : [(attention ?? "exact") as LayerPolicy];
  if (Array.isArray(attention) && all.length !== layers) {
    throw new HeedError(
      "shape-mismatch",
      `${name} is an array of ${all.length}; one policy for each of the ${layers} layers is needed`,
    );
  }
  const where = (layer: number) => (Array.isArray(attention) ? `${name}[${layer}]` : name);
  const records = Array.from(all, (policy, layer) => checkLayerPolicy(where(layer), policy, heads));
  const perHead = records.some(({ length }) => length > 1);
  const perLayer = perHead && records.length === 1 ? Array.from({ length: layers }, () => records[0] ?? []) : records;
  const flat = perHead
    ? perLayer.flatMap((one) => (one.length > 1 ? one : Array.from({ length: heads }, () => one[0] ?? exactly)))
    : perLayer.flat();
  return { numbers: flat.flatMap((policy) => rawPolicyNumbers.map((field) => policy[field])), count: flat.length };
}
