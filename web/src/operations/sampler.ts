/** From logits to a token: the likeliest, or a draw that a seed decides. */
import { HeedError } from "../errors.js";

/** What decides a draw. */
export interface Sampling {
  /** 0 takes the likeliest. */
  temperature: number;
  topP: number;
  seed: number;
}

/** A token, and the natural log of its probability under the model itself. */
export interface Sampled {
  id: number;
  logprob: number;
}

/** Uniform numbers in [0, 1): xoshiro128** of Blackman and Vigna, its state filled by splitmix32. */
export class Uniform {
  readonly #state = new Uint32Array(4);

  constructor(seed: number) {
    // Seeds are 53-bit integers: both halves count.
    let mixed = (seed ^ Math.imul(Math.floor(seed / 2 ** 32), 0x9e3779b1)) >>> 0;
    for (let i = 0; i < 4; ++i) {
      mixed = (mixed + 0x9e3779b9) >>> 0;
      let word = Math.imul(mixed ^ (mixed >>> 16), 0x21f0aaad);
      word = Math.imul(word ^ (word >>> 15), 0x735a2d97);
      this.#state[i] = word ^ (word >>> 15);
    }
  }

  next(): number {
    const state = this.#state;
    const [a = 0, b = 0, c = 0, d = 0] = state;
    const five = Math.imul(b, 5);
    const result = Math.imul((five << 7) | (five >>> 25), 9) >>> 0;
    state[2] = c ^ a;
    state[3] = d ^ b;
    state[1] = b ^ (state[2] as number);
    state[0] = a ^ (state[3] as number);
    state[2] = (state[2] as number) ^ (b << 9);
    const last = state[3] as number;
    state[3] = (last << 11) | (last >>> 21);
    return result / 2 ** 32;
  }
}

/** Of equal logits the lowest id. */
function likeliest(logits: Float32Array): number {
  let best = 0;
  for (let id = 1; id < logits.length; ++id) if ((logits[id] as number) > (logits[best] as number)) best = id;
  return best;
}

/** Σ e^((x - largest) sharpness) */
function weightOf(logits: Float32Array, sharpness: number, largest: number): number {
  let sum = 0;
  for (let id = 0; id < logits.length; ++id) sum += Math.exp(((logits[id] as number) - largest) * sharpness);
  return sum;
}

interface Choice {
  id: number;
  p: number;
}

/** The fewest tokens that have topP together: probability descending, then id ascending. */
function nucleus(logits: Float32Array, sharpness: number, largest: number, topP: number): Choice[] {
  const total = weightOf(logits, sharpness, largest);
  // What lies below this cannot be among the fewest that hold topP: all of it together has at most 1 - topP.
  const least = (1 - topP) / logits.length;
  const kept: Choice[] = [];
  for (let id = 0; id < logits.length; ++id) {
    const p = Math.exp(((logits[id] as number) - largest) * sharpness) / total;
    if (p >= least) kept.push({ id, p });
  }
  if (topP === 1) return kept;
  kept.sort((a, b) => b.p - a.p || a.id - b.id);
  let sum = 0;
  const enough = kept.findIndex(({ p }) => (sum += p) >= topP);
  return enough < 0 ? kept : kept.slice(0, enough + 1);
}

/** Draws token after token. */
export class Sampler {
  readonly #sampling: Sampling;
  readonly #uniform: Uniform;

  constructor(sampling: Sampling) {
    this.#sampling = sampling;
    this.#uniform = new Uniform(sampling.seed);
  }

  /** @throws {HeedError} `non-finite` */
  next(logits: Float32Array): Sampled {
    const best = likeliest(logits);
    const largest = logits[best] as number;
    const total = weightOf(logits, 1, largest);
    // One NaN among them makes the sum NaN; an infinite one too.
    if (!Number.isFinite(total)) {
      throw new HeedError("non-finite", "the model's logits are not finite; its weights are too large, or spoiled");
    }
    const id = this.#sampling.temperature === 0 ? best : this.#draw(logits, largest);
    return { id, logprob: (logits[id] as number) - largest - Math.log(total) };
  }

  #draw(logits: Float32Array, largest: number): number {
    const { temperature, topP } = this.#sampling;
    const choices = nucleus(logits, 1 / temperature, largest, topP);
    const total = choices.reduce((sum, { p }) => sum + p, 0);
    let left = this.#uniform.next() * total;
    for (const { id, p } of choices) {
      left -= p;
      if (left < 0) return id;
    }
    return (choices.at(-1) as Choice).id;
  }
}
