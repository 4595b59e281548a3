/**
 * Four ways of finding the k best keys of every row of a real head, against plain scanning: how long they take, and how
 * much of the exact set they find.
 */
import { largestBy, number, percent } from "./checks.js";
import type { HeadInput } from "./head-input.js";
import { defineExperiment, type Heed, type RunOptions, type Verdict } from "./experiment.js";

export interface SearchParameters {
  head: HeadInput;
  k: number;
  samples: number;
}

export interface SearchRow {
  search: "exact" | "int8" | "pages" | "lsh";
  sample: number;
  milliseconds: number;
  /** Share of the exact set that was found, over all rows. */
  recall: number;
  /** Largest share of its attention that a row lost by what was not found. */
  dropped: number;
}

const searches = ["exact", "int8", "pages", "lsh"] as const;

async function* run(
  heed: Heed,
  { head, k: entries, samples }: SearchParameters,
  { signal, onProgress }: RunOptions = {},
): AsyncGenerator<SearchRow> {
  const { q, k, v, n, shape } = head;
  const options = { ...shape, keep: { k: entries }, estimator: "renormalized", seed: 1 } as const;
  const passed = signal === undefined ? {} : { signal };
  const exact = await heed.attendTopK(q, k, v, { ...options, search: "exact", indices: true, ...passed });
  const weights = await heed.weights(q, k, { ...shape, ...passed });
  for (const [i, search] of searches.entries()) {
    const found = await heed.attendTopK(q, k, v, { ...options, search, indices: true, ...passed });
    const { recall, dropped } = compare(found, exact, weights, n);
    for (let sample = 1; sample <= samples; ++sample) {
      const began = performance.now();
      await heed.attendTopK(q, k, v, { ...options, search, ...passed });
      yield { search, sample, milliseconds: performance.now() - began, recall, dropped };
    }
    onProgress?.({ loaded: i + 1, total: searches.length });
  }
}

interface KeptKeys {
  indices: Uint32Array;
  offsets: Uint32Array;
}

function compare(found: KeptKeys, exact: KeptKeys, weights: Float32Array, n: number) {
  let hits = 0;
  let dropped = 0;
  for (let row = 0; row < n; ++row) {
    const own = new Set(found.indices.subarray(found.offsets[row], found.offsets[row + 1]));
    let lost = 0;
    for (const key of exact.indices.subarray(exact.offsets[row], exact.offsets[row + 1])) {
      if (own.has(key)) ++hits;
      else lost += weights[row * n + key]!;
    }
    dropped = Math.max(dropped, lost);
  }
  return { recall: hits / exact.indices.length, dropped };
}

function recallOf(rows: readonly SearchRow[], search: SearchRow["search"]): number | undefined {
  return rows.find((row) => row.search === search)?.recall;
}

export const searchMethods = defineExperiment({
  id: "searches",
  question: "Do fast searches find the same keys?",
  parameters: { k: 16, samples: 5 } satisfies Omit<SearchParameters, "head">,
  run,
  claims: [
    {
      text: "Bytes (int8) and pages find exactly the k best keys of every row (they are exact by construction).",
      check(rows: readonly SearchRow[]): Verdict | undefined {
        const own = rows.filter(({ search }) => search === "int8" || search === "pages");
        const worst = largestBy(own, ({ recall }) => -recall);
        if (worst === undefined || recallOf(rows, "pages") === undefined) return undefined;
        return { holds: worst.recall === 1, detail: `least: ${worst.search} found ${percent(worst.recall)}` };
      },
    },
    {
      text: "Hashes (LSH) find at least 90 % of them here.",
      check(rows: readonly SearchRow[]): Verdict | undefined {
        const recall = recallOf(rows, "lsh");
        if (recall === undefined) return undefined;
        const dropped = rows.find(({ search }) => search === "lsh")!.dropped;
        return {
          holds: recall >= 0.9,
          detail: `${percent(recall)} found; the worst row lost ${percent(dropped)} of its attention`,
        };
      },
    },
    {
      text: "Some search is faster than plain scanning at this length.",
      check(rows: readonly SearchRow[]): Verdict | undefined {
        const middle = (search: SearchRow["search"]): number => {
          const own = rows.filter((row) => row.search === search).map(({ milliseconds }) => milliseconds);
          return own.sort((a, b) => a - b)[own.length >> 1] ?? Number.NaN;
        };
        const plain = middle("exact");
        const best = largestBy(["int8", "pages"] as const, (search) => -middle(search));
        if (best === undefined || !Number.isFinite(plain) || !Number.isFinite(middle(best))) return undefined;
        return {
          holds: middle(best) < plain,
          detail: `${best}: ${number(middle(best))} ms, plain scanning: ${number(plain)} ms`,
        };
      },
    },
  ],
});
