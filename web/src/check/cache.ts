/**
 * From the arguments of a cache's calls to plans. What depends on how much the cache holds, which the caller's side of
 * heed does not know, is checked where the cache is.
 */
import type {
  AppendOptions,
  CacheOptions,
  CacheSearch,
  CacheTopKOptions,
  DecodeOptions,
  EvictOptions,
  EvictPolicy,
  LayerOptions,
  MonitorNumbers,
  MonitorOptions,
} from "../cache-options.js";
import { HeedError } from "../errors.js";
import type { Accumulate, Estimator } from "../options.js";
import { rawAccumulate, rawCacheSearches, rawCacheTypes, rawEstimators, rawPolicies } from "../runtime/raw.js";
import {
  checkLength,
  checkNoOverlap,
  checkOperand,
  type MaskOperand,
  type Operand,
  type TensorLike,
} from "./arrays.js";
import { checkTarget, type IsTensor, type Target } from "./attend.js";
import { callOptionNames, checkCallOptions } from "./call-options.js";
import { checkKeep, type CheckedBudget } from "./keep.js";
import { checkFlag, checkOptionNames, checkWord, shown } from "./names.js";
import { checkCount, checkFinite, checkPositive, checkWithin } from "./numbers.js";
import { checkRules, maskOperand, ruleOptionNames, type Rules, type SinkUse } from "./rules.js";
import { checkSearchTau, checkSeed, scannedOnly, searchOptionNames, whyScanned, whyTail } from "./search.js";

/** The most tokens of a layer: positions are compared as f32. */
const mostTokens = 2 ** 24;

const cacheNames = ["layers", "kvHeads", "headDim", "valueDim", "capacity", "dtype"] as const;
const layerNames = ["layer", ...callOptionNames] as const;
const appendNames = [...layerNames, "dtype", "validate"] as const;
const queryNames = [...appendNames, "heads", "scale", "out"] as const;
const decodeNames = [
  ...queryNames,
  ...ruleOptionNames,
  ...["lse", "monitor", "accumulate", "recordAttention"],
] as const;
const monitorNumberNames = ["epsilon", "mass", "first"] as const;
const monitorNames = [
  ...appendNames,
  ...ruleOptionNames,
  ...["heads", "scale", "recordAttention"],
  ...monitorNumberNames,
] as const;
const evictNames = [...appendNames, "heads", "scale", "policy"] as const;
const topKNames = [
  ...[...queryNames, ...ruleOptionNames, ...searchOptionNames],
  ...["keep", "estimator", "search", "recall", "indices", "certificates", "monitor"],
] as const;

/** What a cache is made of; fixed when it is created. */
export interface CacheShape {
  layers: number;
  kvHeads: number;
  headDim: number;
  valueDim: number;
  capacity: number;
  /** Index into `rawCacheTypes`. */
  type: number;
}

/** @throws {HeedError} `invalid-argument` */
export function planCache(options: CacheOptions): CacheShape {
  checkOptionNames("cache", options, cacheNames);
  const headDim = checkCount("headDim", options.headDim);
  return {
    layers: options.layers === undefined ? 1 : checkCount("layers", options.layers),
    kvHeads: checkCount("kvHeads", options.kvHeads),
    headDim,
    valueDim: options.valueDim === undefined ? headDim : checkCount("valueDim", options.valueDim),
    capacity: options.capacity === undefined ? mostTokens : checkCount("capacity", options.capacity, 1, mostTokens),
    type: rawCacheTypes.indexOf(checkWord("dtype", options.dtype ?? "f32", rawCacheTypes)),
  };
}

/** @throws {HeedError} `invalid-argument` */
function checkLayer(shape: CacheShape, layer: unknown): number {
  return layer === undefined ? 0 : checkCount("layer", layer, 0, shape.layers - 1);
}

/** @throws {HeedError} `invalid-argument` */
export function planLayer(where: string, shape: CacheShape, options: LayerOptions): number {
  checkOptionNames(where, options, layerNames);
  checkCallOptions(options);
  return checkLayer(shape, options.layer);
}

/** @throws {HeedError} `invalid-argument` */
export function checkTokens(name: string, length: unknown): number {
  return checkCount(name, length, 0, mostTokens);
}

function dtypeOf({ dtype }: AppendOptions): "f32" | "f16" | undefined {
  return dtype === undefined ? undefined : checkWord<"f32" | "f16">("dtype", dtype, ["f32", "f16"]);
}

function tokensOf(name: string, length: number, row: number, factors: string): number {
  if (Number.isInteger(length / row)) return length / row;
  throw new HeedError("shape-mismatch", `${name} has ${length} numbers; a multiple of ${factors} = ${row} is needed`);
}

/** Tokens for one layer. */
export interface AppendPlan<T> {
  layer: number;
  tokens: number;
  k: Operand<T>;
  v: Operand<T>;
  validate: boolean;
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planAppend<T extends TensorLike = never>(
  shape: CacheShape,
  k: unknown,
  v: unknown,
  options: AppendOptions,
  isTensor?: IsTensor<T>,
): AppendPlan<T> {
  checkOptionNames("append", options, appendNames);
  checkCallOptions(options);
  const dtype = dtypeOf(options);
  const [keys, values] = [checkOperand("k", k, dtype, isTensor), checkOperand("v", v, dtype, isTensor)];
  const tokens = tokensOf("k", keys.length, shape.kvHeads * shape.headDim, "kvHeads * headDim");
  const needed = tokens * shape.kvHeads * shape.valueDim;
  checkLength("v", values.length, needed, `tokens * kvHeads * valueDim with the ${tokens} tokens of k`);
  return {
    layer: checkLayer(shape, options.layer),
    tokens,
    k: keys,
    v: values,
    validate: checkFlag("validate", options.validate, false),
  };
}

/** New queries of one layer, and where their results go: what the calls with queries have in common. */
export interface QueriesPlan<T> extends Rules {
  layer: number;
  queries: number;
  heads: number;
  scale: number;
  q: Operand<T>;
  out: Target<T>;
  mask: MaskOperand | undefined;
  validate: boolean;
}

/** Queries that attend to all that they see. */
export interface DecodePlan<T> extends QueriesPlan<T> {
  lse: boolean;
  monitor: MonitorPlan | undefined;
  accumulate: Accumulate;
  record: boolean;
}

export function planQueries<T extends TensorLike>(
  shape: CacheShape,
  q: unknown,
  options: Omit<DecodeOptions<unknown>, "lse" | "monitor">,
  isTensor: IsTensor<T>,
  sinkUse: SinkUse = "visible",
): QueriesPlan<T> {
  checkCallOptions(options);
  const heads = options.heads === undefined ? shape.kvHeads : checkCount("heads", options.heads);
  if (heads % shape.kvHeads !== 0) {
    throw new HeedError(
      "shape-mismatch",
      `heads is ${heads} and the cache's kvHeads is ${shape.kvHeads}; heads must be a multiple of kvHeads`,
    );
  }
  const operand = checkOperand("q", q, dtypeOf(options), isTensor);
  const queries = tokensOf("q", operand.length, heads * shape.headDim, "heads * headDim");
  const out = checkTarget(options.out, queries * heads * shape.valueDim, [operand], isTensor);
  const mask = options.mask === undefined ? undefined : maskOperand(options.mask);
  if (mask && out.kind === "array") checkNoOverlap(out.data, [mask]);
  return {
    layer: checkLayer(shape, options.layer),
    queries,
    heads,
    scale: options.scale === undefined ? 1 / Math.sqrt(shape.headDim) : checkFinite("scale", options.scale),
    q: operand,
    out,
    mask,
    validate: checkFlag("validate", options.validate, false),
    ...checkRules(options, sinkUse),
  };
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planDecode<T extends TensorLike = never>(
  shape: CacheShape,
  q: unknown,
  options: DecodeOptions<unknown>,
  isTensor?: IsTensor<T>,
): DecodePlan<T> {
  checkOptionNames("attend", options, decodeNames);
  const { lse, monitor, accumulate, recordAttention } = options;
  return {
    ...planQueries(shape, q, options, isTensor),
    lse: checkFlag("lse", lse, false),
    monitor: monitorOf(monitor),
    accumulate: checkWord("accumulate", accumulate ?? "f32", rawAccumulate),
    record: checkFlag("recordAttention", recordAttention, false),
  };
}

function monitorOf(
  monitor: boolean | MonitorNumbers | undefined,
  names: readonly string[] = monitorNumberNames,
): MonitorPlan | undefined {
  if (monitor === undefined || monitor === false) return undefined;
  if (monitor !== true) checkOptionNames("monitor", monitor, names);
  return planMonitored(monitor === true ? {} : monitor);
}

/** New queries of one layer, and how many tokens each keeps. */
export interface CacheTopKPlan<T> extends QueriesPlan<T> {
  /** One for all heads, or one for each. */
  keep: CheckedBudget[];
  estimator: Estimator;
  search: CacheSearch;
  /** Why only a scan of every score can serve it, if so. */
  everyScore: string | undefined;
  searchTau: number;
  sampled: boolean;
  seed: number;
  recall: boolean;
  indices: boolean;
  certificates: boolean;
  monitor: MonitorPlan | undefined;
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planCacheTopK<T extends TensorLike = never>(
  shape: CacheShape,
  q: unknown,
  options: CacheTopKOptions<unknown>,
  isTensor?: IsTensor<T>,
): CacheTopKPlan<T> {
  checkOptionNames("attendTopK", options, topKNames);
  const plan = planQueries(shape, q, options, isTensor, "kept");
  const keep = checkKeep(options.keep, plan.heads);
  const estimator = checkWord("estimator", options.estimator ?? "linear", rawEstimators);
  const search = checkWord("search", options.search ?? "auto", [...rawCacheSearches, "auto"] as const);
  const skips = search === "pages" || search === "lsh";
  const { searchTau } = options;
  // A bound for renormalized needs no sample; everything else that skips scores does.
  const bounded = searchTau !== undefined && estimator === "renormalized";
  const tail = checkWord("tail", options.tail ?? (skips && !bounded ? "sampled" : "exact"), [
    "exact",
    "sampled",
  ] as const);
  if (searchTau !== undefined) checkSearchTau(searchTau, search, "exact");
  const recall = checkFlag("recall", options.recall, false);
  if (recall && search !== "lsh") {
    throw new HeedError("invalid-argument", `recall is true with search "${search}"; it needs search: "lsh"`);
  }
  const certificates = checkFlag("certificates", options.certificates, false);
  const unknown = scannedOnly({ ...plan, keep, certificates });
  return {
    ...plan,
    ...{ keep, estimator, search, recall, certificates },
    everyScore: (skips ? whyTail({ estimator, tail }) : undefined) ?? (unknown && whyScanned(unknown)),
    searchTau: searchTau ?? 0,
    sampled: tail === "sampled",
    seed: checkSeed(options.seed),
    indices: checkFlag("indices", options.indices, false),
    monitor: monitorOf(options.monitor, ["epsilon", "mass"]),
  };
}

/** What is asked of a monitor. */
export interface MonitorPlan {
  epsilon: number;
  mass: number;
  first: number;
}

/** @throws {HeedError} `invalid-argument` */
function planMonitored({ epsilon, mass, first }: MonitorNumbers): MonitorPlan {
  return {
    epsilon: epsilon === undefined ? 0.01 : checkPositive("epsilon", epsilon),
    mass: mass === undefined ? 0.05 : checkWithin("mass", mass, 0, 1),
    first: first === undefined ? 4 : checkCount("first", first, 0),
  };
}

/** Queries to look at. */
export interface MonitoredPlan<T> extends QueriesPlan<T> {
  monitor: MonitorPlan;
  record: boolean;
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planMonitor<T extends TensorLike = never>(
  shape: CacheShape,
  q: unknown,
  options: MonitorOptions,
  isTensor?: IsTensor<T>,
): MonitoredPlan<T> {
  checkOptionNames("monitor", options, monitorNames);
  return {
    ...planQueries(shape, q, options, isTensor),
    monitor: planMonitored(options),
    record: checkFlag("recordAttention", options.recordAttention, false),
  };
}

/** A policy with every number that any policy has; the module reads its own. */
export interface CheckedPolicy {
  /** Index into `rawPolicies`. */
  policy: number;
  sinks: number;
  recent: number;
  keep: number;
  width: number;
  loss: number;
  recorded: boolean;
}

function checkPolicy(policy: EvictPolicy | undefined): CheckedPolicy {
  if (policy === undefined) {
    throw new HeedError("invalid-argument", "policy is missing; {recent}, {keep} or {loss} is needed");
  }
  checkOptionNames("policy", policy, ["sinks", "recent", "keep", "width", "loss", "heavy"]);
  const given: Partial<Record<"sinks" | "recent" | "keep" | "width" | "loss", number> & { heavy: boolean }> = policy;
  if (given.keep !== undefined && given.loss !== undefined) {
    throw new HeedError("invalid-argument", "policy has keep and also loss; one of them is needed");
  }
  if (given.width !== undefined && given.keep === undefined) {
    throw new HeedError(
      "invalid-argument",
      `policy.width is ${shown(given.width)}, but keep is missing; give keep too`,
    );
  }
  const recorded = checkFlag("policy.heavy", given.heavy, false);
  if (recorded && given.keep === undefined && given.loss === undefined) {
    throw new HeedError(
      "invalid-argument",
      "policy.heavy is true, but keep and loss are missing; give one of them too",
    );
  }
  const kind = given.keep !== undefined ? "votes" : given.loss !== undefined ? "loss" : "recent";
  const count = (name: "sinks" | "recent" | "keep", least: number) =>
    given[name] === undefined ? 0 : checkCount(`policy.${name}`, given[name], least);
  const width = given.width === undefined ? 1 : checkCount("policy.width", given.width);
  if (width % 2 === 0) throw new HeedError("invalid-argument", `policy.width is ${width}; an odd number is needed`);
  return {
    policy: rawPolicies.indexOf(kind),
    sinks: count("sinks", 0),
    recent: kind === "recent" ? checkCount("policy.recent", given.recent, 0) : count("recent", 0),
    keep: count("keep", 1),
    width,
    loss: given.loss === undefined ? 0 : checkWithin("policy.loss", given.loss, 0, 1),
    recorded,
  };
}

/** Queries that vote, and what about. */
export interface EvictPlan<T> extends QueriesPlan<T> {
  policy: CheckedPolicy;
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planEvict<T extends TensorLike = never>(
  shape: CacheShape,
  q: unknown,
  options: EvictOptions,
  isTensor?: IsTensor<T>,
): EvictPlan<T> {
  checkOptionNames("evict", options, evictNames);
  return { ...planQueries(shape, q, options, isTensor), policy: checkPolicy(options.policy) };
}
