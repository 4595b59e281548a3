/** What a decoder computes: a continuation token by token, losses of a text, a profile of its attention. */
import type { CheckedPrompt, GeneratePlan, RunPlan } from "../check/decoder.js";
import type { CheckedPolicies } from "../check/policy.js";
import type { AttentionProfile, GeneratedToken, TextScore } from "../decoder-results.js";
import { HeedError } from "../errors.js";
import { Pieces } from "../model/text.js";
import { rawPolicyNumbers } from "../runtime/raw-model.js";
import { prepareRun, type Run, type RunResult } from "./decoder-run.js";
import type { StoredDecoder } from "./decoder.js";
import { sequence, type Operation } from "./operation.js";
import { Sampler } from "./sampler.js";

/** Token ids of a prompt. @throws {HeedError} `invalid-argument` for a text of no tokens, `unsupported` */
function idsOf(decoder: StoredDecoder, prompt: CheckedPrompt): number[] {
  if ("ids" in prompt) return [...prompt.ids];
  const { text } = decoder;
  if (!text) throw new HeedError("unsupported", "prompt is text, but the decoder was loaded without a tokenizer");
  const ids = [...text.encode(prompt.text, prompt.bos)];
  if (ids.length > 0) return ids;
  throw new HeedError("invalid-argument", "prompt is empty; at least one token is needed");
}

const mean = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((sum, one) => sum + one, 0) / numbers.length;

const windowAt = rawPolicyNumbers.indexOf("window");
const hasWindow = ({ numbers }: CheckedPolicies) =>
  numbers.some((number, i) => i % rawPolicyNumbers.length === windowAt && number > 0);

/** Of all attention, not of what a window leaves. */
function droppedOf({ profile, report }: RunResult, policies: CheckedPolicies): number {
  if (profile) return mean(profile.dropped);
  return report && !hasWindow(policies) ? mean(report.dropped) : Number.NaN;
}

/** Speed is told over so many of the last tokens. */
const recentTokens = 16;

/** A continuation under way. Other calls on the decoder may come between its tokens; what they displaced runs again. */
export class Generation {
  readonly #decoder: StoredDecoder;
  readonly #plan: GeneratePlan;
  readonly #ids: number[];
  readonly #promptLength: number;
  /** Of what the cache holds: keys and values depend on both policies. */
  readonly #key: string;
  readonly #stop: ReadonlySet<number>;
  readonly #sampler: Sampler;
  readonly #pieces: Pieces | undefined;
  readonly #recentMs: number[] = [];

  /** @throws {HeedError} `invalid-argument`, `unsupported` */
  constructor(decoder: StoredDecoder, plan: GeneratePlan) {
    this.#decoder = decoder;
    this.#plan = plan;
    this.#ids = idsOf(decoder, plan.prompt);
    this.#promptLength = this.#ids.length;
    this.#key = JSON.stringify([plan.policies, plan.promptPolicies]);
    this.#stop = new Set(plan.stop ?? decoder.plan.config.eos);
    this.#sampler = new Sampler(plan);
    this.#pieces = decoder.text && new Pieces(decoder.text, this.#ids);
  }

  /** The next token. Not to be called after one with an `end`. @throws {HeedError} as prepareRun */
  prepareNext(): Operation<GeneratedToken> {
    const decoder = this.#decoder;
    const began = performance.now();
    const reused = decoder.reuse(this.#ids, this.#key);
    let last: RunResult = {};
    const runs = this.#runs(reused);
    const take = (result: RunResult, at: number) => {
      decoder.remember((runs[at] as Run).ids);
      last = result;
    };
    const { policies } = runs.at(-1) as Run;
    const finish = () => this.#tokenOf(last, { reused: Math.min(reused, this.#promptLength), began, policies });
    return sequence(
      runs.map((run) => () => prepareRun(decoder, decoder.cache, run)),
      take,
      finish,
    );
  }

  /** What the cache lacks: the rest of the prompt, and of what was generated, each under its policies. */
  #runs(reused: number): Run[] {
    const { policies, promptPolicies, profile, report } = this.#plan;
    const parts = [
      { ids: this.#ids.slice(reused, this.#promptLength), policies: promptPolicies },
      { ids: this.#ids.slice(Math.max(reused, this.#promptLength)), policies },
    ].filter(({ ids }) => ids.length > 0);
    return parts.map((part, at) => ({ ...part, logits: at === parts.length - 1, profile, report }));
  }

  #tokenOf(
    result: RunResult,
    { reused, began, policies }: { reused: number; began: number; policies: CheckedPolicies },
  ): GeneratedToken {
    const { logits, profile, report } = result;
    const decoder = this.#decoder;
    const { id, logprob } = this.#sampler.next(logits as Float32Array);
    const position = this.#ids.length;
    this.#ids.push(id);
    const cacheBytes = decoder.runtime.guard(() => decoder.cache.bytes());
    const first = position === this.#promptLength;
    const text = this.#pieces?.next(id) ?? "";
    const ms = performance.now() - began;
    if (!first) this.#recentMs.push(ms);
    const recent = this.#recentMs.slice(-recentTokens);
    const sum = (numbers: ArrayLike<number>) => Array.from(numbers).reduce((total, one) => total + one, 0);
    const end = this.#endAfter(id);
    return {
      ...{ id, text, logprob, position, ms, reused, cacheBytes },
      tokensPerSecond: recent.length === 0 ? 0 : (1000 * recent.length) / sum(recent),
      cacheTokens: position,
      dropped: droppedOf(result, policies),
      ...(profile ? { profile } : {}),
      ...(report ? { report } : {}),
      ...(end ? { end } : {}),
    };
  }

  #endAfter(id: number): GeneratedToken["end"] {
    if (this.#stop.has(id)) return "stop";
    if (this.#ids.length - this.#promptLength >= this.#plan.tokens) return "tokens";
    return this.#ids.length > this.#decoder.plan.capacity ? "capacity" : undefined;
  }
}

/** A run over a cache of its own, so that the decoder's keeps what it has. */
function prepareApart<Result>(
  decoder: StoredDecoder,
  run: Run,
  finish: (result: RunResult) => Result,
): Operation<Result> {
  const { runtime, plan } = decoder;
  if (run.ids.length > plan.capacity) {
    throw new HeedError(
      "invalid-argument",
      `the text has ${run.ids.length} tokens to run, and the decoder's capacity is ${plan.capacity}; shorten it, or ` +
        "load the decoder with a greater capacity",
    );
  }
  const cache = decoder.newCache(run.ids.length);
  let operation: Operation<RunResult> | undefined;
  let released = false;
  const release = () => {
    if (released) return;
    released = true;
    operation?.release();
    if (runtime.alive) runtime.guard(() => cache.delete());
  };
  try {
    const prepared = (operation = prepareRun(decoder, cache, run));
    return {
      units: prepared.units,
      run: (from, to) => prepared.run(from, to),
      finish: () => finish(prepared.finish()),
      release,
    };
  } catch (error) {
    release();
    throw error;
  }
}

/** Of a text of one token. */
function nothingToScore(): Operation<TextScore> {
  return {
    units: 0,
    run: () => undefined,
    finish: () => ({ loss: Number.NaN, losses: new Float32Array() }),
    release: () => undefined,
  };
}

/** @throws {HeedError} as prepareRun */
export function prepareTextScore(decoder: StoredDecoder, { prompt, policies }: RunPlan): Operation<TextScore> {
  const ids = idsOf(decoder, prompt);
  if (ids.length === 1) return nothingToScore();
  const run = { ids: ids.slice(0, -1), targets: ids.slice(1), policies, logits: false, profile: false, report: false };
  return prepareApart(decoder, run, ({ losses }) => {
    const all = losses as Float32Array;
    const wrong = all.findIndex((loss) => !Number.isFinite(loss));
    if (wrong >= 0) {
      throw new HeedError(
        "non-finite",
        `the loss of token ${wrong + 1} is ${all[wrong]}; the model's weights are too large, or spoiled`,
      );
    }
    return { loss: all.reduce((sum, one) => sum + one, 0) / all.length, losses: all };
  });
}

/** @throws {HeedError} as prepareRun */
export function prepareProfile(decoder: StoredDecoder, { prompt, policies }: RunPlan): Operation<AttentionProfile> {
  const run = { ids: idsOf(decoder, prompt), policies, logits: false, profile: true, report: false };
  return prepareApart(decoder, run, ({ profile }) => profile as AttentionProfile);
}
