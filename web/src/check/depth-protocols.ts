/** E12 to E20: arithmetic, depth, positions and neighboring theories, in the form of protocols.ts. */
import { HeedError } from "../errors.js";
import { checkWord } from "./names.js";
import { checkPositive } from "./numbers.js";
import { listed, type Protocol } from "./protocol-points.js";
import { checkList, type Reader } from "./simulation-reader.js";
import { longestRow, sourceNames, type Source } from "./simulation-source.js";

/** A row is summed up in 26 ways. */
const longestSum = 2 ** 16;
/** Every row of every layer, or of every gamma, is computed: a unit of work is then some 100 ms at most. */
const longestText = 8192;
/** Every offset is looked at with every token. */
const longestPositions = 2 ** 14;
const mostDimensions = 1024;
const powers = (from: number, factor: number, count: number) =>
  Array.from({ length: count }, (_, i) => from * factor ** i);
/** From `from` to `to` in equal steps of the logarithm. */
const spaced = (from: number, to: number, count: number) => powers(from, (to / from) ** (1 / (count - 1)), count);
const sourceWithout = (...out: string[]) => sourceNames.filter((name) => !out.includes(name));

/** With fewer rows than others, unless it is said how many. */
const withRows = (read: Reader, source: Source, usual: number, least = 1, most = 4096): Source => ({
  ...source,
  rows: read.count("rows", usual, least, most),
});

/** One word, or all of them where it is not given. */
function words(read: Reader, name: string, all: readonly string[], usual = all): number[] {
  const given = read.values[name];
  return (given === undefined ? usual : [checkWord(name, given, all)]).map((word) => all.indexOf(word));
}

/** One flag, or no and yes where it is not given. */
const flags = (read: Reader, name: string) => (read.values[name] === undefined ? [0, 1] : [read.flag(name, false)]);

/** An increasing list of at least two different lengths. */
function lengthsOf(read: Reader, usual: readonly number[]): number[] {
  const all = [...new Set(read.counts("n", usual, 2, longestRow))].sort((a, b) => a - b);
  if (all.length > 1) return all;
  throw new HeedError("invalid-argument", `n is ${all.join(", ")}; two different lengths are needed`);
}

/** What every layer of E15 has in common. */
function depthNumbers(read: Reader, d: number): number[] {
  const heads = read.count("heads", d % 4 === 0 ? 4 : 1, 1, d);
  if (d % heads !== 0) throw new HeedError("invalid-argument", `heads is ${heads}; a divisor of d = ${d} is needed`);
  return [
    read.count("n", 256, 2, longestText),
    heads,
    read.count("layers", 12, 1, 96),
    read.count("keep", 16),
    read.share("epsilon", 0.01),
    ...words(read, "estimator", ["renormalized", "compensated"], ["renormalized"]),
  ];
}

export const depthProtocols = {
  E12: {
    id: 12,
    names: [...sourceWithout("self"), "seed", "n", "keep"],
    points(read, source) {
      const keep = read.count("keep", 64);
      const all = read.counts("n", powers(256, 4, 4), 2, longestSum);
      return all.map((n) => ({ source: withRows(read, source, 32), numbers: [n, keep] }));
    },
  },
  E14: {
    id: 14,
    names: [...sourceWithout("causal"), "seed", "from", "to", "alpha", "exponent", "mass"],
    points(read, source) {
      const [from, to] = [read.count("from", 256, 2, longestRow), read.count("to", 16384, 2, longestRow)];
      if (from > to)
        throw new HeedError("invalid-argument", `from is ${from} and to is ${to}; from must be at most to`);
      const rest = [
        ...listed(read.positives("alpha", powers(1 / 16, 2, 19))),
        ...listed(read.exponents("exponent", [0, 0.25, 0.5, 0.75, 1])),
        read.share("mass", 0.1),
      ];
      return [{ source: withRows(read, source, 256), numbers: [from, to, ...rest] }];
    },
  },
  E15: {
    id: 15,
    names: [
      ...["d", "input", "strength", "sigma", "causal", "repeats", "seed"],
      ...["n", "heads", "layers", "keep", "epsilon", "estimator", "norm", "residual", "mlp", "sparsify"],
    ],
    points(read, source) {
      const shared = depthNumbers(read, source.d);
      const sparsify = words(read, "sparsify", ["all", "alternate"], ["all"]);
      const kinds = words(read, "norm", ["pre", "post"]).flatMap((norm) =>
        flags(read, "residual").flatMap((residual) =>
          flags(read, "mlp").flatMap((mlp) => sparsify.map((which) => [norm, residual, mlp, which])),
        ),
      );
      return kinds.map((kind) => ({ source, numbers: [...shared, ...kind] }));
    },
  },
  E16: {
    id: 16,
    names: [...sourceWithout("causal", "self"), "repeats", "seed", "base", "slope", "n", "offset", "mass"],
    points(read, source) {
      if (read.values["weights"] === "none")
        throw new HeedError("invalid-argument", 'weights is "none"; positions need queries and keys');
      const { base, slope } = read.values;
      const neither = base === undefined && slope === undefined;
      const bases = neither || base !== undefined ? read.positives("base", [1e4, 1e5, 1e6]) : [];
      const slopes = neither || slope !== undefined ? read.positives("slope", [1 / 256, 1 / 16, 1 / 2]) : [];
      bases.forEach((each, i) => {
        if (each > 1) return;
        throw new HeedError("invalid-argument", `base[${i}] is ${each}; a number greater than 1 is needed`);
      });
      if (bases.length > 0 && source.d % 2 !== 0)
        throw new HeedError("invalid-argument", `d is ${source.d}; rotary positions need an even one`);
      const n = read.count("n", 4096, 2, longestPositions);
      const usual = [...new Set([0, ...powers(1, 4, 6).filter((offset) => offset < n - 1), n - 1])];
      const rest = [n, ...listed(read.counts("offset", usual, 0, n - 1)), read.share("mass", 0.1)];
      const kinds = [[0, 0], ...bases.map((each) => [1, each]), ...slopes.map((each) => [2, each])];
      // Every draw of the weights has rows of its own: what its average is off by is told draw by draw.
      return kinds.flatMap((kind) =>
        Array.from({ length: source.repeats }, (_, draw) => ({
          source: { ...withRows(read, source, 64), repeats: 1, seed: source.seed + draw },
          numbers: [...kind, ...rest],
        })),
      );
    },
  },
  E19: {
    id: 19,
    names: ["rows", "repeats", "seed", "dimension", "rho", "gamma", "n"],
    points(read, source) {
      const all = read.counts("dimension", [2, 32, 512], 2, mostDimensions);
      const shares = checkList("rho", read.values["rho"] ?? [0.2, 0.5, 0.8], (name, value) => {
        const share = checkPositive(name, value);
        if (share < 1) return share;
        throw new HeedError("invalid-argument", `${name} is ${share}; a number between 0 and 1 is needed`);
      });
      const gamma = read.positives("gamma", [0.5, 0.7, 0.8, 0.9, 1, 1.1, 1.2, 1.3, 1.5, 2]);
      const rest = [read.count("n", 2048, 2, longestText), ...listed([...gamma].sort((a, b) => a - b))];
      const own = withRows(read, source, 64, 2);
      return all.flatMap((d) => shares.map((rho) => ({ source: own, numbers: [d, rho, ...rest] })));
    },
  },
  E20: {
    id: 20,
    names: ["rows", "repeats", "seed", "dimension", "horizon", "n"],
    points(read, source) {
      const horizon = read.positives("horizon", spaced(0.05, 50, 12));
      const lengths = lengthsOf(read, spaced(1000, 30000, 12).map(Math.round));
      const numbers = [read.count("dimension", 50, 1, 256), ...listed(horizon), ...listed(lengths)];
      return [{ source: withRows(read, source, 32, 1, 512), numbers }];
    },
  },
} satisfies Record<string, Protocol>;
