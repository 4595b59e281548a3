/** Runs of a model: tokens through all layers, in units of one layer of one piece of text. */
import type { CheckedPolicies } from "../check/policy.js";
import type { AttentionProfile, AttentionReport } from "../decoder-results.js";
import { HeedError } from "../errors.js";
import { rawProfiled, rawReported, type RawModelCache } from "../runtime/raw-model.js";
import type { Scratch } from "../runtime/scratch.js";
import type { StoredDecoder } from "./decoder.js";
import { jobOperation, type Operation } from "./operation.js";

/** Tokens to run, and what is wanted of them. */
export interface Run {
  ids: readonly number[];
  policies: CheckedPolicies;
  /** What follows each token. */
  targets?: readonly number[];
  logits: boolean;
  profile: boolean;
  report: boolean;
}

export interface RunResult {
  /** (vocabulary) of the last position. */
  logits?: Float32Array;
  /** (tokens) */
  losses?: Float32Array;
  profile?: AttentionProfile;
  report?: AttentionReport;
}

type Profiled = (typeof rawProfiled)[number];

/** Sums over rows to means. */
function profileOf(sums: Float64Array, { layers, heads }: { layers: number; heads: number }): AttentionProfile {
  const records = layers * heads;
  const at = (field: Profiled, record: number) =>
    sums[record * rawProfiled.length + rawProfiled.indexOf(field)] as number;
  const of = (value: (record: number) => number) => Float64Array.from({ length: records }, (_, i) => value(i));
  const mean = (field: Profiled) => of((i) => at(field, i) / at("rows", i));
  // A norm of 0 stands for one that is not defined.
  const norm = (i: number) => at("norm", i) || Number.NaN;
  return {
    ...{ layers, heads },
    kept: mean("kept"),
    dropped: mean("dropped"),
    bound: mean("bound"),
    entropy: mean("entropy"),
    effective: mean("effective"),
    sigma: mean("sigma"),
    sink: mean("sink"),
    self: mean("self"),
    exponent: mean("exponent"),
    radius: of((i) => at("inputPeak", i) ** 2 * norm(i)),
    rmsRadius: of((i) => (at("inputPower", i) / at("rows", i)) * norm(i)),
  };
}

/** Sums over rows to means. */
function reportOf(sums: Float64Array, { layers, heads }: { layers: number; heads: number }): AttentionReport {
  const at = (field: (typeof rawReported)[number], record: number) =>
    sums[record * rawReported.length + rawReported.indexOf(field)] as number;
  const mean = (field: (typeof rawReported)[number]) =>
    Float64Array.from({ length: layers * heads }, (_, i) => at(field, i) / at("rows", i));
  return {
    ...{ layers, heads },
    ...{ seen: mean("seen"), kept: mean("kept"), dropped: mean("dropped"), bound: mean("bound") },
  };
}

/** What the scratch memory of a run holds. */
function place(decoder: StoredDecoder, scratch: Scratch, { ids, policies, targets, logits, profile, report }: Run) {
  const { runtime, info } = decoder;
  const { heap } = runtime;
  const words = (what: string, numbers: readonly number[]) => {
    const address = scratch.allocate(numbers.length * 4, what);
    heap.write(address, Uint32Array.from(numbers));
    return address;
  };
  const doubles = (what: string, numbers: ArrayLike<number>) => {
    const address = scratch.allocate(numbers.length * 8, what);
    heap.write(address, Float64Array.from(numbers));
    return address;
  };
  const records = info.layers * info.heads;
  return {
    ids: words("ids", ids),
    tokens: ids.length,
    policies: doubles("attention", policies.numbers),
    policyCount: policies.count,
    logits: logits ? scratch.allocate(info.vocabulary * 4, "logits") : 0,
    targets: targets ? words("targets", targets) : 0,
    losses: targets ? scratch.allocate(ids.length * 4, "losses") : 0,
    profile: profile ? doubles("profile", new Float64Array(records * rawProfiled.length)) : 0,
    report: report ? doubles("report", new Float64Array(records * rawReported.length)) : 0,
    chunk: 0,
  };
}

/**
 * Continues `cache` by the tokens of `run`; ended early or failed, the cache is as it was.
 *
 * @throws {HeedError} `invalid-argument` beyond the capacity, `out-of-memory`, `disposed`
 */
export function prepareRun(decoder: StoredDecoder, cache: RawModelCache, run: Run): Operation<RunResult> {
  const { runtime, raw, info } = decoder;
  const held = runtime.guard(() => cache.length());
  const capacity = runtime.guard(() => cache.capacity());
  if (held + run.ids.length > capacity) {
    throw new HeedError(
      "invalid-argument",
      `the text has ${held + run.ids.length} tokens, and the decoder's capacity is ${capacity}; shorten it, or load ` +
        "the decoder with a greater capacity",
    );
  }
  return jobOperation(runtime, (scratch) => {
    const options = place(decoder, scratch, run);
    const job = new runtime.raw.ModelRunJob(raw, cache, options);
    const finish = () => {
      runtime.check(job.status());
      const { heap } = runtime;
      const records = info.layers * info.heads;
      const { profile, report } = options;
      const numbers = (from: number, fields: readonly string[], what: string) =>
        heap.copyF64(from, records * fields.length, what);
      return {
        ...(run.logits ? { logits: heap.copyF32(options.logits, info.vocabulary, "logits") } : {}),
        ...(run.targets ? { losses: heap.copyF32(options.losses, run.ids.length, "losses") } : {}),
        ...(run.profile ? { profile: profileOf(numbers(profile, rawProfiled, "profile"), info) } : {}),
        ...(run.report ? { report: reportOf(numbers(report, rawReported, "report"), info) } : {}),
      };
    };
    return { job, finish };
  });
}
