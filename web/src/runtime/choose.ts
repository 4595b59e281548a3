/** Which variant runs here, with how many threads, and why not with more. */
import { HeedError } from "../errors.js";
import type { CreateOptions } from "../options.js";
import type { Features } from "./features.js";
import { chooseVariant, hasThreads, missingFeatures, type VariantName } from "./variants.js";

/** More threads than this have not been seen to help; a caller may still ask for them. */
const usualThreads = 16;

/** What to start: decided before anything is fetched. */
export interface Choice {
  variant: VariantName;
  threads: number;
  reason: string | null;
}

function unsupported(features: Features, variant: VariantName | undefined, refusal: string | undefined): HeedError {
  const name = variant ?? "simd";
  const missing = missingFeatures(name, features).join(", ");
  const why = missing === "" ? refusal : `this engine lacks ${missing} here${refusal ? ` (${refusal})` : ""}`;
  return new HeedError("unsupported", `the variant "${name}" cannot run: ${why}`);
}

/** @throws {HeedError} `unsupported` */
export function choose(
  probed: Features,
  refusal: string | undefined,
  hardwareThreads: number,
  options: Pick<CreateOptions, "variant" | "threads">,
): Choice {
  const wanted = options.threads ?? Math.min(hardwareThreads, usualThreads);
  const threadsRun = probed.threads && refusal === undefined;
  // One thread needs no shared memory, unless the caller names a build that has it.
  const features = { ...probed, threads: threadsRun && (wanted > 1 || options.variant !== undefined) };
  const variant = chooseVariant(features, options.variant);
  if (variant === undefined) throw unsupported(features, options.variant, refusal);
  if (hasThreads(variant)) return { variant, threads: wanted, reason: null };

  let reason: string | null = null;
  if (wanted > 1) reason = threadsRun ? `the variant "${variant}" has one thread` : (refusal ?? "no shared memory");
  else if (options.threads === undefined) reason = "this machine offers one thread";
  return { variant, threads: 1, reason };
}
