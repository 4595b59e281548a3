/**
 * The protocols from E2 on: the parameters that each takes beside its source, and the points that it is run at. A point
 * is what the module computes as one job, its numbers in the order in which the class of the protocol in cpp/simulate
 * reads them.
 */
import { HeedError } from "../errors.js";
import { depthProtocols } from "./depth-protocols.js";
import { lengths, listed, without, type Protocol } from "./protocol-points.js";
import { searchProtocols } from "./search-protocols.js";
import { checkStrength, longestRow } from "./simulation-source.js";
import { checkList, type Reader } from "./simulation-reader.js";

/** The spectral norm keeps n^2 / 64 partial sums per rule. */
const longestSpectral = 4096;

/** The sources of several sigmas and of several gammas, sigma = gamma sqrt(2 ln n): those that are asked for. */
function spreads(read: Reader, usual: { sigma: number[]; gamma: number[] }): { sigma: number[]; gamma: number[] } {
  const { sigma, gamma } = read.values;
  const none = sigma === undefined && gamma === undefined;
  return {
    sigma: none || sigma !== undefined ? read.positives("sigma", usual.sigma) : [],
    gamma: (none && usual.gamma.length > 0) || gamma !== undefined ? read.positives("gamma", usual.gamma) : [],
  };
}

export const protocols = {
  E2: {
    id: 2,
    names: [...without(), "n", "keep", "exponent", "output", "spectral"],
    points(read, source) {
      const [output, spectral] = [read.flag("output", false), read.flag("spectral", false)];
      const rest = [
        ...listed(read.counts("keep", [1, 8, 64])),
        ...listed(read.exponents("exponent", [0.1, 0.25, 0.5, 0.75])),
      ];
      const most = spectral ? longestSpectral : longestRow;
      return lengths(read, 64, spectral ? 1024 : 8192, most).map((n) => ({
        source,
        numbers: [n, ...rest, output, spectral],
      }));
    },
  },
  E3: {
    id: 3,
    names: [...without("causal"), "gamma", "identity", "n", "keep", "exponent"],
    points(read, source) {
      const { sigma, gamma } = spreads(read, { sigma: [0.5, 1, 2, 3], gamma: [0.5, 0.7, 0.9] });
      const identity = read.flag("identity", read.values["sigma"] === undefined && read.values["gamma"] === undefined);
      const rest = [
        ...listed(lengths(read, 1024, 32768)),
        read.count("keep", 64),
        ...listed(read.exponents("exponent", [0.001, 0.25, 0.5, 0.75])),
      ];
      const kinds = [...sigma.map((s) => [0, s]), ...gamma.map((g) => [1, g]), ...(identity ? [[2, 1]] : [])];
      return kinds.map((kind) => ({ source, numbers: [...kind, ...rest] }));
    },
  },
  E4: {
    id: 4,
    names: [...without(), "n", "keep", "logFactor"],
    points(read, source) {
      const rest = [...listed(read.counts("keep", [1, 8])), ...listed(read.positives("logFactor", [1, 4]))];
      return lengths(read, 64, 8192).map((n) => ({ source, numbers: [n, ...rest] }));
    },
  },
  E5: {
    id: 5,
    names: [...without(), "gamma", "n", "epsilon"],
    points(read, source) {
      const { sigma, gamma } = spreads(read, { sigma: [1], gamma: [] });
      const epsilon = read.share("epsilon", 0.01);
      const all = lengths(read, 64, 32768);
      const fixed = sigma.flatMap((s) =>
        all.map((n) => ({ source: { ...source, sigma: s }, numbers: [n, 0, epsilon] })),
      );
      return [...fixed, ...gamma.flatMap((g) => all.map((n) => ({ source, numbers: [n, g, epsilon] })))];
    },
  },
  E6: {
    id: 6,
    names: [...without("causal", "self"), "n", "delta"],
    points(read, source) {
      const delta = read.share("delta", 0.05);
      return read.counts("n", [256, 1024, 4096], 2, longestRow).map((n) => ({ source, numbers: [n, delta] }));
    },
  },
  E7: {
    id: 7,
    names: [...without(), "n", "gain", "mass", "target"],
    points(read, source) {
      const gains = read.positives("gain", [0.125, 0.25, 0.5, 1, 2, 4, 8, 16]);
      const rest = [read.share("mass", 0.1), read.share("target", 0.1)];
      const all = read.counts("n", [256, 1024, 4096], 2, longestRow);
      return gains.flatMap((gain) => all.map((n) => ({ source, numbers: [n, gain, ...rest] })));
    },
  },
  E8: {
    id: 8,
    names: [...without("causal", "repeats"), "from", "to", "budget", "exponent"],
    points(read, source) {
      const [from, to] = [read.count("from", 256, 2, longestRow), read.count("to", 16384, 2, longestRow)];
      if (from > to)
        throw new HeedError("invalid-argument", `from is ${from} and to is ${to}; from must be at most to`);
      read.count("rows", 256, 1, 4096);
      const budget = read.counts("budget", [16, 64, 256]);
      return [{ source, numbers: [from, to, ...listed(budget), read.within("exponent", 0.5, 0, 1)] }];
    },
  },
  E9: {
    id: 9,
    names: [...without(), "n", "mass", "target"],
    points(read, source) {
      const rest = [...listed(lengths(read, 256, 4096)), read.share("mass", 0.1), read.share("target", 0.1)];
      const given = read.values["strength"];
      const all = given === undefined ? [undefined] : checkList("strength", given, (_, value) => value);
      return all.map((strength, i) => {
        const name = given === undefined ? "strength" : `strength[${i}]`;
        return { source: { ...source, strength: checkStrength(name, strength, source) }, numbers: rest };
      });
    },
  },
  E11: {
    id: 11,
    names: [...without(), "n", "mass"],
    points(read, source) {
      const all = lengths(read, 256, 8192);
      const longest = Math.max(...all);
      if (new Set(all.filter((n) => n <= longest / 4)).size < 2) {
        const fitting = "two different lengths of at most a quarter of the longest are needed";
        throw new HeedError("invalid-argument", `n is ${all.join(", ")}; ${fitting}`);
      }
      return [{ source, numbers: [...listed(all), read.share("mass", 0.1)] }];
    },
  },
  ...depthProtocols,
  ...searchProtocols,
} satisfies Record<string, Protocol>;
