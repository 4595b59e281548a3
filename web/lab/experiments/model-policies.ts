/** Policies of study E21 by the names that `heed eval` writes into its tables. */
import type { AttentionPolicy, Estimator } from "heed";

export interface NamedPolicy {
  policy: string;
  /** "" where nothing is dropped, or only by a window. */
  estimator: Estimator | "";
}

/** @throws for a name that the tables do not have */
export function policyOf({ policy, estimator }: NamedPolicy): AttentionPolicy {
  if (policy === "exact") return "exact";
  const numbers = policy.match(/[\d.]+/g)?.map(Number) ?? [];
  const [first = Number.NaN, second = Number.NaN] = numbers;
  const how = estimator === "" ? {} : { estimator };
  if (policy.startsWith("window=")) return { window: first, sinks: second };
  if (policy.startsWith("k=")) return { keep: { k: first }, ...how };
  if (policy.startsWith("mass=")) return { keep: { mass: first }, ...how };
  if (policy.startsWith("threshold=")) return { keep: { threshold: first }, ...how };
  if (policy.startsWith("ln ")) return { keep: { k: Math.ceil(Math.log(first)) }, ...how };
  if (policy.includes("n^")) return { keep: { alpha: first, exponent: second }, ...how };
  throw new Error(`there is no policy named ${policy}`);
}
