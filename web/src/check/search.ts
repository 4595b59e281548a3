/** How attendTopK searches: `search`, `searchTau`, `tail` and `seed`. */
import { HeedError } from "../errors.js";
import type { Estimator, Search, TailSource, TopKOptions } from "../options.js";
import type { CheckedBudget } from "./keep.js";
import { checkWord, shown } from "./names.js";
import { checkCount } from "./numbers.js";
import type { Rules } from "./rules.js";
import type { Shape } from "./shape.js";

/** Options that `checkSearch` reads, beside `search`. */
export const searchOptionNames = ["searchTau", "tail", "seed"] as const;

/** Searches that have an index. */
export type IndexedSearch = Exclude<Search, "exact" | "auto">;

/** Keys that were prepared by `index`. */
export interface IndexLike {
  readonly search: IndexedSearch;
  readonly shape: Shape;
}

export interface CheckedSearch {
  search: Search;
  tail: TailSource;
  /** 0 for none. */
  searchTau: number;
  seed: number;
}

const searches = ["exact", "pages", "int8", "lsh", "auto"] as const;

/** Seeds are exact integers on both sides. */
export function checkSeed(seed: unknown): number {
  return seed === undefined ? 0 : checkCount("seed", seed, 0, Number.MAX_SAFE_INTEGER);
}

/** @throws {HeedError} `shape-mismatch` */
export function checkIndexShape(index: IndexLike, shape: Shape): void {
  const parts = ["batch", "kvHeads", "headDim", "headMajor"] as const;
  const shownShape = (one: Shape) => parts.map((part) => `${part} ${one[part]}`).join(", ");
  if (parts.every((part) => index.shape[part] === shape[part])) return;
  throw new HeedError(
    "shape-mismatch",
    `k is an index for ${shownShape(index.shape)}; this call has ${shownShape(shape)}`,
  );
}

/** @throws {HeedError} `invalid-argument` */
export function checkSearchTau(searchTau: unknown, search: string, tail: string): void {
  if (!(typeof searchTau === "number" && searchTau > 0 && searchTau < 1)) {
    throw new HeedError(
      "invalid-argument",
      `searchTau is ${shown(searchTau)}; a number greater than 0 and less than 1 is needed`,
    );
  }
  if (search === "pages" && tail === "exact") return;
  throw new HeedError(
    "invalid-argument",
    `searchTau is ${searchTau} with search "${search}" and tail "${tail}"; ` +
      'it needs search: "pages" and tail: "exact", which can certify it',
  );
}

/** What decides whether a search may skip scores. */
export interface SearchNeeds extends Rules {
  estimator: Estimator;
  tail: TailSource;
  mask: object | undefined;
  certificates: boolean;
  keep: readonly CheckedBudget[];
}

/** Why a search that skips scores cannot give the estimator; undefined when it can. */
export function whyTail({ estimator, tail }: Pick<SearchNeeds, "estimator" | "tail">): string | undefined {
  if (estimator === "renormalized" || tail === "sampled") return undefined;
  return `estimator "${estimator}" with tail "exact" needs every score, so all of them were computed`;
}

/** What no search knows but the scan: a rule, certificates, a budget of probabilities; undefined when none is asked. */
export function scannedOnly(needs: Omit<SearchNeeds, "estimator" | "tail">): string | undefined {
  const rule = (["window", "sinks", "softcap"] as const).find((name) => needs[name] !== 0);
  const share = (["mass", "threshold"] as const).find((name) => needs.keep.some((budget) => budget[name] !== 0));
  return rule ?? (needs.mask && "mask") ?? (needs.certificates ? "certificates" : share);
}

/** The reason that `info` gives for the scan. */
export function whyScanned(unknown: string): string {
  return `a search that skips scores does not know ${unknown}, so all of them were computed`;
}

/** `index`: what was passed for `k`, when it is one. @throws {HeedError} `invalid-argument` */
export function checkSearch(options: TopKOptions<unknown>, index: IndexLike | undefined): CheckedSearch {
  const asked = checkWord("search", options.search ?? "auto", searches);
  if (index && asked !== "auto" && asked !== "exact" && asked !== index.search) {
    throw new HeedError(
      "invalid-argument",
      `search is "${asked}" and k is an index for "${index.search}"; leave search out or make another index`,
    );
  }
  const search = index && asked === "auto" ? index.search : asked;
  const tail = checkWord("tail", options.tail ?? "exact", ["exact", "sampled"]);
  const { searchTau } = options;
  if (searchTau !== undefined) checkSearchTau(searchTau, search, tail);
  return { search, tail, searchTau: searchTau ?? 0, seed: checkSeed(options.seed) };
}
