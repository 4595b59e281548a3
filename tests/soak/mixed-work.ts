/**
 * Random work on one instance, several calls at a time: attention, searches, caches, models, simulations, formulas,
 * wrong calls and aborted ones. Every result is compared, bit for bit, with what heed/sync of the same build gave.
 */
import { create, type Heed, type KvCache } from "heed";
import { create as createSync, type Heed as SyncHeed, type HeedError } from "heed/sync";

import { badCalls, type AnyHeed } from "../web/support/bad-calls.js";
import { Random } from "../web/support/random.js";
import { inputsFor, type Inputs } from "../web/support/reference.js";
import { cases, optionsOf, scoreOptionsOf } from "../web/support/shapes.js";
import { modelFile, tinyModel, tinyTokenizer } from "../web/support/tiny-model.js";
import { check, checkSame } from "./hard-use.js";

const inputs: readonly Inputs[] = cases.filter(({ keys }) => keys <= 300).map((shape, i) => inputsFor(shape, 100 + i));

/** A call, fully described by its numbers; what heed/sync gives is awaited too. */
type Call = (heed: Heed, n: number, m: number) => unknown;

const searches = ["auto", "exact", "int8", "pages", "lsh"] as const;
const estimators = ["renormalized", "raw", "compensated", "linear"] as const;

async function useCache(cache: KvCache, numbers: Random): Promise<unknown[]> {
  const results: unknown[] = [];
  for (let step = 0; step < 8; ++step) {
    const tokens = 1 + numbers.below(90);
    const [k, v, q] = [numbers.array(tokens * 32), numbers.array(tokens * 32), numbers.array(2 * 64)];
    results.push(await cache.append(k, v));
    const kind = numbers.below(6);
    if (kind === 0) results.push(await cache.attend(q, { heads: 4, lse: true }));
    else if (kind === 1) results.push(await cache.attendTopK(q, { heads: 4, keep: { k: 7 }, search: "int8" }));
    else if (kind === 2) results.push(await cache.monitor(q, { heads: 4 }));
    else if (kind === 3) results.push(await cache.evict(q, { heads: 4, policy: { keep: 40 } }));
    else if (kind === 4) await cache.rewind(numbers.below(await cache.length()));
    else {
      const copy = await cache.fork();
      await copy.append(k, v);
      results.push(await copy.attend(q, { heads: 4 }));
      await copy.dispose();
      const saved = await cache.save();
      await cache.clear();
      await cache.restore(saved);
    }
  }
  return results;
}

const model = tinyModel({ num_hidden_layers: 1 });
const files = { config: model.config, weights: modelFile(model), tokenizer: tinyTokenizer() };

async function all<Row>(rows: AsyncIterable<Row> | Iterable<Row>): Promise<Row[]> {
  const list: Row[] = [];
  for await (const row of rows) list.push(row);
  return list;
}

const calls: Readonly<Record<string, Call>> = {
  attend(heed, n) {
    const { shape, q, k, v } = inputs[n % inputs.length]!;
    return heed.attend(q, k, v, { ...optionsOf(shape), lse: true });
  },
  topK(heed, n, m) {
    const { shape, q, k, v } = inputs[n % inputs.length]!;
    const [search, estimator] = [searches[m % 5]!, estimators[m % 4]!];
    return heed.attendTopK(q, k, v, {
      ...optionsOf(shape),
      keep: { k: 1 + (m % 40) },
      search,
      estimator,
      indices: true,
    });
  },
  budgets(heed, n, m) {
    const { shape, q, k, v } = inputs[n % inputs.length]!;
    const keep = m % 2 === 0 ? { mass: 0.8 } : { threshold: 0.01 };
    return heed.attendTopK(q, k, v, { ...optionsOf(shape), keep, certificates: m % 3 === 0 });
  },
  scores(heed, n, m) {
    const { shape, q, k } = inputs[n % inputs.length]!;
    return m % 2 === 0 ? heed.scores(q, k, scoreOptionsOf(shape)) : heed.weights(q, k, scoreOptionsOf(shape));
  },
  select: (heed, n, m) => heed.selectTopK(inputs[n % inputs.length]!.q, 1 + (m % 50)),
  async index(heed, n, m) {
    const { shape, q, k, v } = inputs[n % inputs.length]!;
    const { kvHeads, headDim, batch, layout } = shape;
    const index = await heed.index(k, { kvHeads, headDim, batch, layout, search: searches[2 + (m % 3)] as "int8" });
    const options = { ...optionsOf(shape), keep: { k: 5 }, estimator: "renormalized", indices: true } as const;
    const result = await heed.attendTopK(q, index as never, v, options);
    await index.dispose();
    return result;
  },
  async cache(heed, n, m) {
    const dtype = (["f32", "f16", "int8"] as const)[m % 3]!;
    const cache = await heed.cache({ kvHeads: 2, headDim: 16, dtype });
    const results = await useCache(cache, new Random(n));
    await cache.dispose();
    return results;
  },
  simulate: (heed, n) =>
    all(heed.simulate("E1", { n: [16 + (n % 64), 100], d: 8, epsilon: [0.01], rows: 16, seed: n })),
  sweep: (heed, n) => all(heed.simulate("E2", { n: [32], d: 8, rows: 4, keep: [4], exponent: [0.5], seed: n % 50 })),
  formula: (heed, n, m) => heed.theory.gaussianTopK({ n: 2 + (n % 1000), k: 1 + (m % 9), sigma: 1 }),
  async decoder(heed, n) {
    const decoder = await heed.Decoder.load(files as never);
    const tokens = await all(decoder.generate("the sea", { tokens: 4, temperature: 1, seed: n % 20 }));
    const { losses } = await decoder.score([1, 2, 3, 1 + (n % 50)]);
    await decoder.dispose();
    return [tokens.map(({ id }) => id), losses];
  },
};

const names = Object.keys(calls);

/** How much was done, by kind. */
export type Counts = Record<string, number>;

export class MixedWork {
  readonly counts: Counts = {};
  readonly #random: Random;
  /** What heed/sync gave; few enough numbers are drawn that most calls come again. */
  readonly #known = new Map<string, unknown>();

  constructor(
    readonly heed: Heed,
    readonly sync: SyncHeed,
    seed: number,
  ) {
    this.#random = new Random(seed);
  }

  async step(): Promise<void> {
    const kind = this.#random.below(100);
    if (kind < 10) return this.#refuse();
    if (kind < 14) return this.#abort();
    if (kind < 15) return this.#another();
    const name = names[this.#random.below(names.length)]!;
    const [n, m] = [this.#random.below(40), this.#random.below(12)];
    const key = `${name} ${n} ${m}`;
    if (!this.#known.has(key)) this.#known.set(key, await calls[name]!(this.sync as unknown as Heed, n, m));
    checkSame(await calls[name]!(this.heed, n, m), this.#known.get(key), key);
    this.#count(name);
  }

  #count(name: string): void {
    this.counts[name] = (this.counts[name] ?? 0) + 1;
  }

  async #refuse(): Promise<void> {
    const { name, code, call } = badCalls[this.#random.below(badCalls.length)]!;
    let error: unknown;
    try {
      await call(this.heed as unknown as AnyHeed);
    } catch (thrown) {
      error = thrown;
    }
    check((error as HeedError | undefined)?.code === code, `"${name}" ended with ${String(error)}`);
    this.#count("refused");
  }

  async #abort(): Promise<void> {
    const controller = new AbortController();
    const reason = new Error("aborted");
    const { shape, q, k, v } = inputs[this.#random.below(inputs.length)]!;
    const call = this.heed.attend(q, k, v, { ...optionsOf(shape), signal: controller.signal }).catch((e: unknown) => e);
    if (this.#random.below(2) === 0) await Promise.resolve();
    controller.abort(reason);
    const outcome = await call;
    check(outcome instanceof Float32Array || outcome === reason, `an aborted call ended with ${String(outcome)}`);
    this.#count("aborted");
  }

  async #another(): Promise<void> {
    const variant = (["simd", "relaxed", "threads", "relaxed-threads"] as const)[this.#random.below(4)]!;
    const one = this.#random.below(2) === 0 ? await create({ variant }) : await createSync({ variant });
    const { shape, q, k, v } = inputs[this.#random.below(inputs.length)]!;
    const out = await one.attend(q, k, v, optionsOf(shape));
    check(out.every(Number.isFinite), "another instance gives what is no number");
    await one.dispose();
    this.#count("instances");
  }
}
