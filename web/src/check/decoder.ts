/** From the arguments of a decoder's calls to plans. */
import { rawCacheTypes } from "../runtime/raw.js";
import type {
  DecoderType,
  EncodeOptions,
  GenerateOptions,
  LoadOptions,
  Prompt,
  RunOptions,
  WeightSource,
} from "../decoder-options.js";
import type { DecoderInfo } from "../decoder-results.js";
import { HeedError } from "../errors.js";
import { rawWeightTypes } from "../runtime/raw-model.js";
import { checkAttached } from "./arrays.js";
import { checkListener, checkSignal } from "./call-options.js";
import { checkFlag, checkOptionNames, checkWord, shown } from "./names.js";
import { checkCount, checkWithin } from "./numbers.js";
import { checkPolicies, type CheckedPolicies } from "./policy.js";
import { checkSeed } from "./search.js";

/** The most tokens of a text: positions are compared as f32. */
const mostTokens = 2 ** 24;

const loadNames = [
  ...["config", "weights", "tokenizer", "tokenizerConfig", "dtype", "cacheType", "capacity"],
  ...["signal", "onProgress"],
] as const;
const runNames = ["attention", "bos", "signal", "onProgress"] as const;
const generateNames = [
  ...runNames,
  ...["promptAttention", "tokens", "temperature", "topP", "seed", "stop", "profile", "report"],
] as const;

/** What `load` needs beside the files themselves. */
export interface LoadPlan {
  weights: readonly WeightSource[];
  dtype: DecoderType | undefined;
  /** Index into `rawCacheTypes`. */
  cacheType: number;
  capacity: number | undefined;
}

/** @throws {HeedError} `invalid-argument` */
export function planLoad(options: LoadOptions): LoadPlan {
  checkOptionNames("Decoder.load", options, loadNames);
  checkSignal(options.signal);
  checkListener(options.onProgress);
  const { config, weights, tokenizer, tokenizerConfig, dtype, cacheType, capacity } = options;
  if (config === undefined)
    throw new HeedError("invalid-argument", "config is missing; the model's config.json is needed");
  if (weights === undefined) {
    throw new HeedError("invalid-argument", "weights are missing; the model's safetensors files are needed");
  }
  if (tokenizerConfig !== undefined && tokenizer === undefined) {
    throw new HeedError("invalid-argument", "tokenizerConfig is given, but tokenizer is missing; give both or neither");
  }
  return {
    weights: Array.isArray(weights) ? (weights as readonly WeightSource[]) : [weights as WeightSource],
    dtype: dtype === undefined ? undefined : checkWord("dtype", dtype, rawWeightTypes),
    cacheType: rawCacheTypes.indexOf(checkWord("cacheType", cacheType ?? "f32", rawCacheTypes)),
    capacity: capacity === undefined ? undefined : checkCount("capacity", capacity, 1, mostTokens),
  };
}

/** What a prompt is: text for the tokenizer, or ids. */
export type CheckedPrompt = { text: string; bos: boolean | undefined } | { ids: number[] };

/** @throws {HeedError} `invalid-argument`, `detached` */
export function checkIds(name: string, ids: unknown, vocabulary: number): number[] {
  if (!(Array.isArray(ids) || ids instanceof Uint32Array)) {
    throw new HeedError(
      "invalid-argument",
      `${name} is ${shown(ids)}; an array of token ids or a Uint32Array is needed`,
    );
  }
  if (ids instanceof Uint32Array) checkAttached(name, ids);
  const all: unknown[] = Array.from(ids as ArrayLike<unknown>);
  const wrong = all.findIndex((id) => !(Number.isInteger(id) && (id as number) >= 0 && (id as number) < vocabulary));
  if (wrong < 0) return all as number[];
  throw new HeedError(
    "invalid-argument",
    `${name}[${wrong}] is ${shown(all[wrong])}; an integer from 0 to ${vocabulary - 1} is needed`,
  );
}

function needsText(info: DecoderInfo, what: string): void {
  if (info.text) return;
  throw new HeedError("unsupported", `${what}, but the decoder was loaded without a tokenizer; load it with one`);
}

/** @throws {HeedError} `invalid-argument`, `unsupported` */
export function checkPrompt(info: DecoderInfo, prompt: Prompt, { bos }: EncodeOptions): CheckedPrompt {
  const flag = bos === undefined ? undefined : checkFlag("bos", bos, false);
  if (typeof prompt !== "string") {
    if (flag !== undefined)
      throw new HeedError("invalid-argument", `bos is ${flag}, which goes with text, not with ids`);
    const ids = checkIds("prompt", prompt, info.vocabulary);
    if (ids.length > 0) return { ids };
    throw new HeedError("invalid-argument", "prompt has no ids; at least one is needed");
  }
  needsText(info, "prompt is text");
  return { text: prompt, bos: flag };
}

/** @throws {HeedError} `invalid-argument`, `unsupported` */
export function planEncode(info: DecoderInfo, text: unknown, options: EncodeOptions): { text: string; bos?: boolean } {
  checkOptionNames("encode", options, ["bos"]);
  if (typeof text !== "string") throw new HeedError("invalid-argument", `text is ${shown(text)}; a string is needed`);
  needsText(info, "encode was called");
  return { text, ...(options.bos === undefined ? {} : { bos: checkFlag("bos", options.bos, false) }) };
}

/** @throws {HeedError} `invalid-argument`, `unsupported` */
export function planDecodeIds(info: DecoderInfo, ids: unknown): number[] {
  needsText(info, "decode was called");
  return checkIds("ids", ids, info.vocabulary);
}

/** A text and how to attend in it. */
export interface RunPlan {
  prompt: CheckedPrompt;
  policies: CheckedPolicies;
}

function checkRun(info: DecoderInfo, prompt: Prompt, options: RunOptions): RunPlan {
  checkSignal(options.signal);
  checkListener(options.onProgress);
  return {
    prompt: checkPrompt(info, prompt, options),
    policies: checkPolicies("attention", options.attention, info),
  };
}

/** `score` and `profile`. @throws {HeedError} `invalid-argument`, `shape-mismatch`, `unsupported` */
export function planRun(where: string, info: DecoderInfo, prompt: Prompt, options: RunOptions): RunPlan {
  checkOptionNames(where, options, runNames);
  return checkRun(info, prompt, options);
}

/** A continuation. */
export interface GeneratePlan extends RunPlan {
  promptPolicies: CheckedPolicies;
  tokens: number;
  temperature: number;
  topP: number;
  seed: number;
  /** Undefined for what the config says. */
  stop: number[] | undefined;
  profile: boolean;
  report: boolean;
}

const temperatures = { least: 1e-6, most: 1e6 };

function checkTemperature(value: number | undefined): number {
  if (value === undefined || value === 0) return 0;
  if (typeof value === "number" && value >= temperatures.least && value <= temperatures.most) return value;
  throw new HeedError(
    "invalid-argument",
    `temperature is ${shown(value)}; 0 or a number from ${temperatures.least} to ${temperatures.most} is needed`,
  );
}

/** @throws {HeedError} `invalid-argument`, `shape-mismatch`, `unsupported` */
export function planGenerate(info: DecoderInfo, prompt: Prompt, options: GenerateOptions): GeneratePlan {
  checkOptionNames("generate", options, generateNames);
  const { topP, attention, promptAttention, stop, tokens } = options;
  const share = topP === undefined ? 1 : checkWithin("topP", topP, 0, 1);
  if (share === 0)
    throw new HeedError("invalid-argument", "topP is 0; a number greater than 0 and at most 1 is needed");
  return {
    ...checkRun(info, prompt, options),
    promptPolicies: checkPolicies("promptAttention", promptAttention ?? attention, info),
    tokens: tokens === undefined ? 128 : checkCount("tokens", tokens),
    temperature: checkTemperature(options.temperature),
    topP: share,
    seed: checkSeed(options.seed),
    stop: stop === undefined ? undefined : checkIds("stop", stop, info.vocabulary),
    profile: checkFlag("profile", options.profile, false),
    report: checkFlag("report", options.report, false),
  };
}
