/** The protocols that search keys and not only rank scores: E13, E18 and E22; and the tasks of E17. */
import { HeedError } from "../errors.js";
import { lengths, listed, without, type Protocol } from "./protocol-points.js";
import { inputWord, type Source } from "./simulation-source.js";

/** Queries and keys are held in memory, and rows sorted with their keys' numbers. */
const longestSearch = 2 ** 17;
/** Finding the principal components of the keys takes O(d^3). */
const widestSearch = 128;

/** @throws {HeedError} `invalid-argument` */
function checkKeys(id: string, source: Source): void {
  if (inputWord(source) === "sink") {
    throw new HeedError("invalid-argument", `input is the string "sink"; ${id} needs keys, and a sink has none`);
  }
  if (source.d > widestSearch) {
    throw new HeedError("invalid-argument", `d is ${source.d}; ${id} takes 1 to ${widestSearch}`);
  }
}

const shares = (most: number, ...parts: number[]) => parts.map((part) => Math.max(1, Math.round(most / part)));

export const searchProtocols = {
  E13: {
    id: 13,
    names: [...without(), "n", "keep", "recall", "enough", "tables", "components", "channels"],
    points(read, source) {
      checkKeys("E13", source);
      const { d } = source;
      const recall = read.exponents("recall", [1, 0.99, 0.95, 0.9, 0.8, 0.5]);
      const rest = [
        read.count("keep", 64),
        ...listed(recall),
        ...listed(read.exponents("enough", [0, 0.1, 0.5, 0.9])),
        ...listed(read.counts("tables", [1, 4, 16], 1, 16)),
        ...listed(read.counts("components", shares(d, 8, 4, 2), 1, d)),
        ...listed(read.counts("channels", shares(d, 8, 4, 2), 1, d)),
      ];
      return lengths(read, 1024, 4096, longestSearch).map((n) => ({ source, numbers: [n, ...rest] }));
    },
  },
  E17: {
    id: 17,
    names: ["d", "sigma", "rows", "seed", "n", "signal", "spread", "classes", "vocabulary", "tolerance", "keep"].concat(
      [...["reference", "perplexity", "sink"]],
    ),
    points(read, source) {
      const rest = [
        read.within("signal", 0.6, 0, 1),
        read.within("spread", 0, 0, 4),
        read.count("classes", 64, 4, 65536),
        read.count("vocabulary", 512, 2, 65536),
        read.within("tolerance", 0.025, 0, 1),
        read.count("keep", 64),
        read.count("reference", 256, 2),
        read.within("perplexity", 16, 1, 65536),
        read.within("sink", 6, -1000, 1000),
      ];
      return read
        .counts("n", [256, 1024, 4096, 16384], 8, longestSearch)
        .map((n) => ({ source, numbers: [n, ...rest] }));
    },
  },
  E18: {
    id: 18,
    names: [...without(), "n", "mass"],
    points(read, source) {
      checkKeys("E18", source);
      const mass = listed(read.shares("mass", [0.01, 0.1, 0.5]));
      return lengths(read, 1024, 4096, longestSearch).map((n) => ({ source, numbers: [n, ...mass] }));
    },
  },
  E22: {
    id: 22,
    names: [...without(), "n", "keep", "exponent"],
    points(read, source) {
      checkKeys("E22", source);
      const rows = { ...source, rows: read.count("rows", 64, 1, 1024), repeats: read.count("repeats", 5, 1, 100) };
      const none = read.values["keep"] === undefined && read.values["exponent"] === undefined;
      const keep = none || read.values["keep"] !== undefined ? read.counts("keep", [64]) : [];
      const exponent = none || read.values["exponent"] !== undefined ? read.exponents("exponent", [0.5]) : [];
      const rest = [...listed(keep), ...listed(exponent)];
      return lengths(read, 1024, 16384, longestSearch).map((n) => ({ source: rows, numbers: [n, ...rest] }));
    },
  },
} satisfies Record<string, Protocol>;
