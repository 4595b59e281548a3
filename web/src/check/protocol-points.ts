/** What the tables of protocols are made of. */
import type { Reader } from "./simulation-reader.js";
import { longestRow, runNames, sourceNames, type Source } from "./simulation-source.js";

/** What the module computes as one job. */
export interface Point {
  source: Source;
  numbers: number[];
}

export interface Protocol {
  /** The number of the protocol in the module. */
  id: number;
  names: readonly string[];
  points(read: Reader, source: Source): Point[];
}

/** The parameters of every source and run, but for some. */
export const without = (...out: string[]) => [...sourceNames, ...runNames].filter((name) => !out.includes(name));

export const doubling = (from: number, to: number) =>
  Array.from({ length: Math.log2(to / from) + 1 }, (_, i) => from * 2 ** i);

/** As it crosses to the module: its length first. */
export const listed = (numbers: readonly number[]) => [numbers.length, ...numbers];

export const lengths = (read: Reader, from: number, to: number, most = longestRow) =>
  read.counts("n", doubling(from, to), 2, most);
