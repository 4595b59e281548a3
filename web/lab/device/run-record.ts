/** What has been seen of a continuation so far: text, speed, and means over the written tokens by layer and head. */
import type { GeneratedToken } from "heed";

export type Measure = "dropped" | "bound" | "kept";

export interface RunRecord {
  text: string;
  ids: number[];
  /** Tokens read, and how many of them a second. */
  read: number;
  readPerSecond: number;
  tokensPerSecond: number;
  cacheBytes: number;
  layers: number;
  heads: number;
  /** Means over tokens, layer-major; of the prompt until a second token is there. NaN for what is not known. */
  means: Record<Measure, Float64Array>;
}

/** Follows one continuation. */
export class RunRecorder {
  #ids: number[] = [];
  #text = "";
  #read = { tokens: 0, perSecond: 0 };
  /** Of the tokens after the first, whose step is a single row. */
  #sums: Record<Measure, Float64Array> | undefined;
  #steps = 0;

  add(token: GeneratedToken): RunRecord {
    const first = this.#ids.length === 0;
    this.#ids.push(token.id);
    this.#text += token.text;
    if (first) {
      const tokens = token.position - token.reused;
      this.#read = { tokens: token.position, perSecond: (1000 * tokens) / token.ms };
    }
    const { layers, heads, step } = measured(token, first);
    if (this.#sums === undefined || this.#steps === 0) this.#sums = copies(step);
    else for (const name of names) step[name].forEach((value, i) => (this.#sums![name][i]! += value));
    if (!first) ++this.#steps;
    const count = Math.max(1, this.#steps);
    return {
      text: this.#text,
      ids: [...this.#ids],
      read: this.#read.tokens,
      readPerSecond: this.#read.perSecond,
      tokensPerSecond: token.tokensPerSecond,
      cacheBytes: token.cacheBytes,
      layers,
      heads,
      means: {
        dropped: this.#sums.dropped.map((sum) => sum / count),
        bound: this.#sums.bound.map((sum) => sum / count),
        kept: this.#sums.kept.map((sum) => sum / count),
      },
    };
  }
}

const names = ["dropped", "bound", "kept"] as const;

function copies(step: Record<Measure, Float64Array>): Record<Measure, Float64Array> {
  return { dropped: step.dropped.slice(), bound: step.bound.slice(), kept: step.kept.slice() };
}

/** `kept` as a share of all tokens before the row and its own. What a window hides is known to a profile alone. */
function measured({ profile, report, position, reused }: GeneratedToken, first: boolean) {
  const known = profile ?? report;
  if (known === undefined) throw new Error("a token came without a report");
  const all = first ? (reused + 1 + position) / 2 : position;
  const hidden = (i: number): boolean => profile === undefined && report!.seen[i]! < all - 1e-6;
  return {
    layers: known.layers,
    heads: known.heads,
    step: {
      dropped: known.dropped.map((value, i) => (hidden(i) ? Number.NaN : value)),
      bound: known.bound.map((value, i) => (hidden(i) ? Number.NaN : value)),
      kept: known.kept.map((value) => value / all),
    },
  };
}

/** Of a list of shares; NaN where one of them is not known. */
export function meanOf(values: ArrayLike<number>): number {
  return Array.from(values).reduce((sum, value) => sum + value, 0) / values.length;
}
