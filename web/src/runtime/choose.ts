/** Which variant runs here, with how many threads, and why not with more. */
import { HeedError } from "../errors.js";
import type { CreateOptions } from "../options.js";
import type { Features } from "./features.js";
import { memoryLimits } from "./memory-limits.js";
import { chooseVariant, hasThreads, missingFeatures, wideVariant, type VariantName } from "./variants.js";

/** More threads than this have not been seen to help; a caller may still ask for them. */
const usualThreads = 16;

/** What to start: decided before anything is fetched. */
export interface Choice {
  variant: VariantName;
  threads: number;
  reason: string | null;
}

type ChoiceOptions = Pick<CreateOptions, "variant" | "threads" | "maximumMemory">;

/** The variant that the options name, themselves or by asking for more memory than others can address. */
function namedVariant({ variant, maximumMemory = 0 }: ChoiceOptions): VariantName | undefined {
  return variant ?? (maximumMemory > memoryLimits.mostNarrow ? wideVariant : undefined);
}

function unsupported(features: Features, options: ChoiceOptions, refusal: string | undefined): HeedError {
  const name = namedVariant(options) ?? "simd";
  const missing = missingFeatures(name, features).join(", ");
  const why = missing === "" ? refusal : `this engine lacks ${missing} here${refusal ? ` (${refusal})` : ""}`;
  const memory = options.variant === undefined && name === wideVariant;
  const wanted = memory ? `maximumMemory is ${options.maximumMemory}, which needs addresses of 64 bits, and ` : "";
  return new HeedError("unsupported", `${wanted}the variant "${name}" cannot run: ${why}`);
}

/** @throws {HeedError} `unsupported` */
export function choose(
  probed: Features,
  refusal: string | undefined,
  hardwareThreads: number,
  options: ChoiceOptions,
): Choice {
  const named = namedVariant(options);
  const wanted = options.threads ?? Math.min(hardwareThreads, usualThreads);
  const threadsRun = probed.threads && refusal === undefined;
  // One thread needs no shared memory, unless the caller names a build that has it.
  const features = { ...probed, threads: threadsRun && (wanted > 1 || named !== undefined) };
  const variant = chooseVariant(features, named);
  if (variant === undefined) throw unsupported(features, options, refusal);
  if (hasThreads(variant)) return { variant, threads: wanted, reason: null };

  let reason: string | null = null;
  if (wanted > 1) reason = threadsRun ? `the variant "${variant}" has one thread` : (refusal ?? "no shared memory");
  else if (options.threads === undefined) reason = "this machine offers one thread";
  return { variant, threads: 1, reason };
}
