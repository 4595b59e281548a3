/** A model in the module's memory, with one cache of tokens, and what both entries do with it. */
import type { DecoderType } from "../decoder-options.js";
import type { DecoderInfo } from "../decoder-results.js";
import { HeedError } from "../errors.js";
import type { Rope } from "../model/rope.js";
import type { WeightSlice } from "../model/stream-weights.js";
import type { TextCodec } from "../model/text.js";
import {
  rawRopeKinds,
  rawWeightTypes,
  type RawModel,
  type RawModelCache,
  type RawModelShape,
} from "../runtime/raw-model.js";
import type { ModelRuntime } from "../runtime/runtime.js";
import { Scratch } from "../runtime/scratch.js";
import { rawTypes, type DecoderPlan } from "./decoder-plan.js";

function rawRope(rope: Rope) {
  const none = {
    ...{ ropeFactor: 1, ropeOriginal: 0, ropeLow: 0, ropeHigh: 0, ropeBetaFast: 32, ropeBetaSlow: 1 },
    ...{ ropeAttention: 0, ropeMscale: 0, ropeMscaleAll: 0, ropeTruncate: true },
  };
  const common = { ...none, rope: rawRopeKinds.indexOf(rope.kind), ropeTheta: rope.base };
  if (rope.kind === "default") return common;
  if (rope.kind === "linear") return { ...common, ropeFactor: rope.factor };
  const scaled = { ...common, ropeFactor: rope.factor, ropeOriginal: rope.originalLength };
  if (rope.kind === "dynamic") return scaled;
  if (rope.kind === "llama3") return { ...scaled, ropeLow: rope.lowFrequency, ropeHigh: rope.highFrequency };
  return {
    ...scaled,
    ...{ ropeBetaFast: rope.fast, ropeBetaSlow: rope.slow },
    ...{ ropeAttention: rope.attentionFactor, ropeTruncate: rope.truncate },
  };
}

function rawShape({ config, storage }: DecoderPlan): RawModelShape {
  const { layers, width, heads, kvHeads, headDim, innerWidth, vocabulary, contextLength, epsilon, tied } = config;
  return {
    ...{ layers, width, heads, kvHeads, headDim, epsilon, tied },
    ...{ hidden: innerWidth, vocab: vocabulary, positions: contextLength },
    ...{ qkNorm: config.queryKeyNorm, qkvBias: config.attentionBias },
    ...{ outBias: config.outputBias, mlpBias: config.innerBias },
    ...rawRope(config.rope),
    ...storage,
  };
}

/** What the cache holds, and under which policies it was computed: other policies give other keys and values. */
interface Held {
  ids: number[];
  key: string;
}

/** One model of one module. Its owner disposes it. */
export class StoredDecoder {
  readonly info: DecoderInfo;
  readonly #slots = new Map<string, number>();
  readonly #held: Held = { ids: [], key: "" };
  #raw: RawModel | undefined;
  #cache: RawModelCache | undefined;

  /** @throws {HeedError} `out-of-memory`, `invalid-argument`, `unsupported` */
  constructor(
    readonly runtime: ModelRuntime,
    readonly plan: DecoderPlan,
    readonly text: TextCodec | undefined,
  ) {
    const model = runtime.guard(() => new runtime.raw.Model(rawShape(plan)));
    this.#raw = model;
    try {
      runtime.check(runtime.guard(() => model.status()));
      for (let slot = 0; slot < model.slots(); ++slot) this.#slots.set(model.slotName(slot), slot);
      this.#cache = this.newCache(plan.capacity);
    } catch (error) {
      this.dispose();
      throw error;
    }
    const { family, layers, heads, kvHeads, headDim, width, innerWidth, vocabulary, contextLength } = plan.config;
    this.info = {
      ...{ family, layers, heads, kvHeads, headDim, width, innerWidth, vocabulary, contextLength },
      ...{ capacity: plan.capacity, parameters: plan.parameters },
      dtype: rawWeightTypes[plan.storage.matrices] as DecoderType,
      weightBytes: runtime.guard(() => model.bytes()),
      text: text !== undefined,
    };
  }

  /** @throws {HeedError} `disposed`, `internal` */
  get raw(): RawModel {
    this.runtime.assertAlive();
    if (this.#raw === undefined) throw new HeedError("disposed", "this decoder was disposed; load it again");
    return this.#raw;
  }

  get cache(): RawModelCache {
    void this.raw;
    return this.#cache as RawModelCache;
  }

  /** An empty one of this model. Its owner deletes it. @throws {HeedError} `out-of-memory` */
  newCache(capacity: number): RawModelCache {
    const { runtime, raw } = this;
    const cache = runtime.guard(() => new runtime.raw.ModelCache(raw, capacity, this.plan.cacheType));
    try {
      runtime.check(runtime.guard(() => cache.status()));
      return cache;
    } catch (error) {
      cache.delete();
      throw error;
    }
  }

  /** @throws {HeedError} `invalid-argument` for numbers that are not finite, `out-of-memory` */
  write({ name, first, rows, type, bytes, scales }: WeightSlice): void {
    const { runtime, raw } = this;
    const slot = this.#slots.get(name);
    if (slot === undefined) throw new HeedError("internal", `the module has no place for ${name}`);
    const scratch = new Scratch(runtime);
    try {
      const place = (what: Uint8Array) => {
        const address = scratch.allocate(what.length, name);
        runtime.heap.write(address, what);
        return address;
      };
      const from = place(bytes);
      const scale = scales ? place(scales) : 0;
      const rawType = rawWeightTypes.indexOf(rawTypes[type]);
      runtime.check(runtime.guard(() => raw.write(slot, first, rows, from, rawType, scale)));
    } finally {
      scratch.release();
    }
  }

  /** @throws {HeedError} `invalid-argument` while some rows were not written */
  complete(): void {
    const { runtime, raw } = this;
    runtime.check(runtime.guard(() => raw.complete()));
  }

  /**
   * Makes the cache hold the longest beginning of `ids` that it knows already, less than all of them: the last one is
   * always run, because its logits are asked for. Returns how many that are.
   */
  reuse(ids: readonly number[], key: string): number {
    const held = this.#held;
    let common = 0;
    if (held.key === key) {
      const most = Math.min(held.ids.length, ids.length - 1);
      while (common < most && held.ids[common] === ids[common]) ++common;
    }
    const { runtime, cache } = this;
    if (runtime.guard(() => cache.length()) > common) runtime.check(runtime.guard(() => cache.rewind(common)));
    held.ids.length = common;
    held.key = key;
    return common;
  }

  /** What a run added to the cache. */
  remember(ids: readonly number[]): void {
    for (const id of ids) this.#held.ids.push(id);
  }

  /** A second call does nothing. */
  dispose(): void {
    const [raw, cache] = [this.#raw, this.#cache];
    this.#raw = undefined;
    this.#cache = undefined;
    if (!this.runtime.alive) return;
    if (cache) this.runtime.guard(() => cache.delete());
    if (raw) this.runtime.guard(() => raw.delete());
  }
}
