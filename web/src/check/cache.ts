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
  MonitorOptions,
} from "../cache-options.js";
import { HeedError } from "../errors.js";
import type { Estimator } from "../options.js";
import { rawCacheSearches, rawCacheTypes, rawEstimators, rawPolicies } from "../runtime/raw.js";
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
import { checkCountedKeep, type CheckedBudget } from "./keep.js";
import { checkFlag, checkOptionNames, checkWord } from "./names.js";
import { checkCount, checkFinite, checkPositive, checkWithin } from "./numbers.js";
import { checkRules, maskOperand, ruleOptionNames, type Rules } from "./rules.js";

/** The most tokens of a layer: positions are compared as f32. */
const mostTokens = 2 ** 24;

const cacheNames = ["layers", "kvHeads", "headDim", "valueDim", "capacity", "dtype"] as const;
const layerNames = ["layer", ...callOptionNames] as const;
const appendNames = [...layerNames, "dtype", "validate"] as const;
const queryNames = [...appendNames, "heads", "scale", "out"] as const;
const decodeNames = [...queryNames, ...ruleOptionNames, "lse"] as const;
const monitorNames = [...appendNames, ...ruleOptionNames, "heads", "scale", "epsilon", "mass", "first"] as const;
const evictNames = [...appendNames, "heads", "scale", "policy"] as const;
const topKNames = [...queryNames, "keep", "estimator", "search", "indices"] as const;

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

/** New queries of one layer, and where their results go. */
export interface DecodePlan<T> extends Rules {
  layer: number;
  queries: number;
  heads: number;
  scale: number;
  q: Operand<T>;
  out: Target<T>;
  lse: boolean;
  mask: MaskOperand | undefined;
  validate: boolean;
}

/** What the calls with queries have in common. */
export function planQueries<T extends TensorLike>(
  shape: CacheShape,
  q: unknown,
  options: Omit<DecodeOptions<unknown>, "lse">,
  isTensor: IsTensor<T>,
): Omit<DecodePlan<T>, "lse"> {
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
    ...checkRules(options),
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
  return { ...planQueries(shape, q, options, isTensor), lse: checkFlag("lse", options.lse, false) };
}

/** New queries of one layer, and how many tokens each keeps. */
export interface CacheTopKPlan<T> extends Omit<DecodePlan<T>, "lse"> {
  keep: CheckedBudget;
  estimator: Estimator;
  search: CacheSearch;
  indices: boolean;
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planCacheTopK<T extends TensorLike = never>(
  shape: CacheShape,
  q: unknown,
  options: CacheTopKOptions<unknown>,
  isTensor?: IsTensor<T>,
): CacheTopKPlan<T> {
  checkOptionNames("attendTopK", options, topKNames);
  return {
    ...planQueries(shape, q, options, isTensor),
    keep: checkCountedKeep(options.keep),
    estimator: checkWord("estimator", options.estimator ?? "linear", rawEstimators),
    search: checkWord("search", options.search ?? "auto", [...rawCacheSearches, "auto"] as const),
    indices: checkFlag("indices", options.indices, false),
  };
}

/** Queries to look at. */
export interface MonitorPlan<T> extends Omit<DecodePlan<T>, "lse"> {
  epsilon: number;
  mass: number;
  first: number;
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `detached` */
export function planMonitor<T extends TensorLike = never>(
  shape: CacheShape,
  q: unknown,
  options: MonitorOptions,
  isTensor?: IsTensor<T>,
): MonitorPlan<T> {
  checkOptionNames("monitor", options, monitorNames);
  return {
    ...planQueries(shape, q, options, isTensor),
    epsilon: options.epsilon === undefined ? 0.01 : checkPositive("epsilon", options.epsilon),
    mass: options.mass === undefined ? 0.05 : checkWithin("mass", options.mass, 0, 1),
    first: options.first === undefined ? 4 : checkCount("first", options.first, 0),
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
}

function checkPolicy(policy: EvictPolicy | undefined): CheckedPolicy {
  if (policy === undefined) {
    throw new HeedError("invalid-argument", "policy is missing; {recent}, {keep} or {loss} is needed");
  }
  checkOptionNames("policy", policy, ["sinks", "recent", "keep", "width", "loss"]);
  const given: Partial<Record<"sinks" | "recent" | "keep" | "width" | "loss", number>> = policy;
  if (given.keep !== undefined && given.loss !== undefined) {
    throw new HeedError("invalid-argument", "policy has keep and also loss; one of them is needed");
  }
  if (given.width !== undefined && given.keep === undefined) {
    throw new HeedError("invalid-argument", `policy.width is ${given.width}, but keep is missing; give keep too`);
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
  };
}

/** Queries that vote, and what about. */
export interface EvictPlan<T> extends Omit<DecodePlan<T>, "lse"> {
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
