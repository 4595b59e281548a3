/** The protocols from E2 on, from the package: columns, parameters, refusals. Their mathematics is tested natively. */
import { create, type SimulationId, type SimulationParameters, type SimulationRow } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectError } from "../support/expect-error.js";
import { expectedSync } from "../support/expected-variants.js";
import { Random } from "../support/random.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant, studies: true })));
afterAll(() => instances.forEach((heed) => heed.dispose()));
const [first] = instances;
const small = { d: 16, rows: 20, seed: 3 };

/** Small parameters of every protocol, and the columns of its rows, which are what results.ts promises. */
const all: { [Id in Exclude<SimulationId, "E1">]: { parameters: SimulationParameters[Id]; columns: string } } = {
  E2: {
    parameters: { ...small, n: [64, 128], keep: [4], exponent: [0.5] },
    columns:
      "n d rule value k l2 l2Error l2Worst dropped droppedWorst largestError frobenius spectral outputError closedL2 " +
      "closedDropped violations sigma",
  },
  E3: {
    parameters: { ...small, n: [64, 128, 256], keep: 16, sigma: [1], gamma: [0.5], identity: true, exponent: [0.5] },
    columns:
      "scores value alignment exponent alpha fixedCost dynamicCost fixedL2 dynamicL2 fixedWorstL2 dynamicWorstL2 " +
      "fixedDropped dynamicDropped fixedWorstDropped dynamicWorstDropped winnerL2 winnerWorstL2 winnerDropped " +
      "winnerWorstDropped",
  },
  E4: {
    parameters: { ...small, n: [64], keep: [1], logFactor: [2] },
    columns: "n rule value k l2 dropped scaled least most violations",
  },
  E5: {
    parameters: { ...small, n: [64, 256], weights: "identity" },
    columns:
      "n regime gamma sigma ownScore entropy entropyShare entropyPredicted participation participationPredicted " +
      "epsilon effective largest self selfPredicted crossover",
  },
  E6: {
    parameters: { ...small, n: [64], input: "rademacher", weights: "powerLaw", decay: 0.5, repeats: 2 },
    columns:
      "n d stableRank inputBound sigma rootMeanSquareRadius radius strictRadius largest radiusBound strictBound " +
      "radiusRatio strictRatio violated",
  },
  E7: {
    parameters: { ...small, n: [256], gain: [0.5, 1], weights: "none" },
    columns:
      "n gain sigma rootMeanSquareRadius limit applies mass keep keepError share closedShare target keepL2 keepL2Error",
  },
  E8: {
    parameters: { ...small, from: 32, to: 256, budget: [8] },
    columns: "budget policy setting from to rows length kept cost dropped droppedWorst l2",
  },
  E9: {
    parameters: { ...small, n: [64, 128, 256], input: "student", strength: [3, 6] },
    columns:
      "strength sigma mass exponent exponentError keepShortest keepLongest shareLongest target exponentL2 " +
      "exponentL2Error l2Longest droppedLongest tightness violations",
  },
  E11: {
    parameters: { ...small, n: [32, 64, 128, 256, 512] },
    columns: "method alpha exponent exponentError n mass needed neededError predicted error overrun",
  },
  E12: {
    parameters: { ...small, n: [100, 300], keep: 8 },
    columns:
      "n format method unit keep keys visible lost lostMass lostPosition lostLargest total outputError outputErrorError",
  },
  E14: {
    parameters: { ...small, from: 32, to: 256, alpha: [1, 8], exponent: [0.5, 1] },
    columns:
      "exponent alpha mass wasted violated penalty dropped droppedWorst cost needed ridge best leastPenalty fitted " +
      "fittedError",
  },
  E15: {
    parameters: { d: 16, seed: 3, n: 40, layers: 2, keep: 5, heads: 2, repeats: 2, sparsify: "alternate" },
    columns:
      "norm residual mlp sparsify estimator layer sparse n keep effective entropyShare dropped cosine sparseCosine " +
      "error errorError growth localError accumulated",
  },
  E16: {
    parameters: { ...small, n: 128, offset: [0, 127], base: [1e4], slope: [0.1] },
    columns:
      "positions value n seed offset radius measured average closed corrected balanced exact bias sigma entropyShare " +
      "mass share shareError closedShare",
  },
  E19: {
    parameters: { rows: 10, repeats: 2, seed: 3, dimension: [8], rho: [0.5], gamma: [0.5, 2], n: 100 },
    columns:
      "d rho n relative gamma similarity similarityError simplex limit critical selfWeight boundary boundaryError " +
      "expected",
  },
  E20: {
    parameters: { rows: 6, repeats: 2, seed: 3, dimension: 8, horizon: [0.1, 5], n: [200, 100] },
    columns: "d horizon sigma n error errorError predicted slope slopeError",
  },
  E13: {
    parameters: {
      ...small,
      n: [300],
      keep: 8,
      recall: [1, 0.75],
      enough: [0],
      tables: [2],
      components: [4],
      channels: [4],
    },
    columns:
      "n d k selector setting recall recallError scored scoredError dropped droppedError missed substituted l2 " +
      "l2Error exactDropped exactL2 amplification amplificationError l2Amplification l2AmplificationError violations",
  },
  E17: {
    parameters: { n: [256], rows: 20, seed: 3 },
    columns: "n task method k trials accuracy accuracyError weight error",
  },
  E18: {
    parameters: { ...small, n: [300], mass: [0.1, 0.5], causal: true },
    columns:
      "n d sigma mass certificate keep keepError keepRatio keepRatioError scored scoredError bound tau boundRatio " +
      "boundRatioError scoredExact scoredExactError violations",
  },
  E22: {
    parameters: { ...small, n: [300], keep: [8], exponent: [0.5], repeats: 2 },
    columns: "n d rule value k method nanoseconds scored speedup speedupLeast speedupMost build threads violations",
  },
};
/** What is measured is not the same twice, and threads are a variant's own. */
const measured = ["nanoseconds", "speedup", "speedupLeast", "speedupMost", "build", "threads"];
const repeatable = (rows: SimulationRow[]) =>
  rows.map((row) => Object.fromEntries(Object.entries(row).filter(([name]) => !measured.includes(name))));
const ids = Object.keys(all) as (keyof typeof all)[];

/** Columns that may be NaN: not asked for, or not known to the method. */
const unknown =
  "spectral outputError exponentError growth accumulated closedShare boundary boundaryError expected predicted weight error build".split(
    " ",
  );

const run = (heed: typeof first, id: SimulationId, parameters: object): SimulationRow[] => [
  ...heed!.simulate(id, parameters as never),
];

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("$variant", ({ heed }) => {
  test.each(ids)("%s yields the columns that its type promises, of numbers and words", (id) => {
    const { parameters, columns } = all[id];
    const rows = run(heed, id, parameters);
    expect(rows.length).toBeGreaterThan(0);
    for (const row of rows) {
      expect(Object.keys(row)).toEqual(columns.split(" "));
      for (const [name, value] of Object.entries(row)) {
        if (typeof value === "string") expect(value).toMatch(/^[a-zA-Z][a-zA-Z0-9]*$/);
        // Not asked for, or not known to the method.
        else if (!unknown.includes(name)) expect(value, name).not.toBeNaN();
      }
      if ("violations" in row) expect(row.violations).toBe(0);
    }
    expect(repeatable(run(heed, id, parameters))).toEqual(repeatable(rows));
    expect(heed.memory().liveBytes).toBe(0);
  });

  test("rows are the same in every variant, but for rounding", () => {
    for (const id of ids) {
      const [here, there] = [heed, first].map((one) => repeatable(run(one, id, all[id].parameters)));
      expect(here!.length).toBe(there!.length);
      here!.forEach((row, i) =>
        Object.entries(row).forEach(([name, value]) => {
          const other = there![i]![name];
          if (typeof value === "string" || Number.isNaN(value)) return expect(value).toEqual(other);
          // Scores differ by gamma_d; a count of 20 rows may differ by one entry, a setting by one step.
          expect(Math.abs((value as number) - (other as number)), `${id} ${name}`).toBeLessThanOrEqual(
            0.06 * Math.max(1, Math.abs(other as number)),
          );
        }),
      );
    }
  });

  test("the spectral norm and the error of the output come when asked for", () => {
    const parameters = { ...small, n: [128], keep: [1, 128], exponent: [0.5], output: true, spectral: true };
    const rows = [...heed.simulate("E2", parameters)];
    for (const row of rows) {
      expect(row.spectral).toBeLessThanOrEqual(Math.sqrt(2 / 128));
      expect(row.outputError).toBeGreaterThanOrEqual(0);
    }
    // Keeping everything is exact.
    expect(rows.find(({ k }) => k === 128)).toMatchObject({ l2: 0, dropped: 0, spectral: 0 });
  });

  test("given heads: the rows of their scores", () => {
    const [n, d, k] = [96, 8, 5];
    const random = new Random(4);
    const [q, keys] = [random.array(n * d), random.array(n * d)];
    const rows = [...heed.simulate("E2", { q, k: keys, d, n: [n], keep: [k], exponent: [0.5], causal: true, rows: n })];
    // In double: the mass outside the k best, row by row.
    let dropped = 0;
    for (let i = 0; i < n; ++i) {
      const weights = Array.from({ length: i + 1 }, (_, j) => {
        let score = 0;
        for (let c = 0; c < d; ++c) score += q[i * d + c]! * keys[j * d + c]!;
        return Math.exp(score / Math.sqrt(d));
      }).sort((a, b) => b - a);
      const sum = (from: number) => weights.slice(from).reduce((total, weight) => total + weight, 0);
      dropped += sum(k) / sum(0) / n;
    }
    expect(Math.abs(rows[0]!.dropped - dropped)).toBeLessThan(1e-5);
    expect(heed.memory().liveBytes).toBe(0);
  });
});

const heads = { q: new Float32Array(64), k: new Float32Array(64), d: 8 };

test.each([
  ["E2", { n: [1] }, /^n\[0\] is 1; an integer from 2 to 1048576/],
  ["E2", { n: [] }, /^n is an object \(Array\); an array with at least one number/],
  ["E2", { n: 64 }, /^n is 64; an array/],
  ["E2", { n: [2 ** 20 + 1] }, /^n\[0\] is 1048577/],
  ["E2", { n: [8192], spectral: true }, /^n\[0\] is 8192; an integer from 2 to 4096/],
  ["E2", { exponent: [1.5] }, /^exponent\[0\] is 1.5; a number from 0 to 1/],
  ["E2", { keep: [0] }, /^keep\[0\] is 0/],
  ["E2", { d: 257 }, /^d is 257; an integer from 1 to 256/],
  ["E2", { d: "64" }, /^d is the string "64"/],
  ["E2", { gamma: [1] }, /simulate E2 has no option "gamma"/],
  ["E2", { input: "normal" }, /^input is the string "normal"; one of "gaussian"/],
  ["E2", { weights: "given" }, /^weights is the string "given"/],
  ["E2", { strength: 1 }, /^strength is 1, but input "gaussian" has no strength/],
  ["E2", { input: "student", strength: 2 }, /^strength is 2; .*from 2.001 to 1000 is needed, the degrees of freedom/],
  ["E2", { input: "lowDimension", strength: 2.5 }, /^strength is 2.5; .*whole number/],
  ["E2", { input: "lowDimension", strength: 9, d: 8 }, /^strength is 9/],
  ["E2", { input: "stationary", strength: 1 }, /^strength is 1; .*correlation/],
  ["E2", { rank: 2 }, /^rank is given, but weights is "independent"/],
  ["E2", { weights: "lowRank", rank: 65 }, /^rank is 65; an integer from 1 to 64/],
  ["E2", { decay: 1, weights: "lowRank" }, /^decay is given/],
  ["E2", { sigma: 0 }, /^sigma is 0/],
  ["E2", { sigma: [1, 2] }, /^sigma is an object/],
  ["E2", { rows: 0 }, /^rows is 0/],
  ["E2", { repeats: 101 }, /^repeats is 101; an integer from 1 to 100/],
  ["E2", { causal: 1 }, /^causal is 1; true or false/],
  ["E3", { causal: true }, /simulate E3 has no option "causal"/],
  ["E3", { sigma: 1 }, /^sigma is 1; an array/],
  ["E3", { keep: 0 }, /^keep is 0/],
  ["E6", { delta: 1 }, /^delta is 1/],
  ["E7", { mass: 0 }, /^mass is 0; a number from/],
  ["E7", { gain: [-1] }, /^gain\[0\] is -1/],
  ["E8", { from: 10, to: 5 }, /^from is 10 and to is 5/],
  ["E8", { rows: 5000 }, /^rows is 5000; an integer from 1 to 4096/],
  ["E9", { input: "sink", strength: [1, NaN] }, /^strength\[1\] is NaN/],
  ["E9", { strength: 3 }, /^strength is 3; an array/],
  ["E11", { n: [256, 512] }, /^n is 256, 512; two different lengths of at most a quarter/],
  ["E12", { n: [2 ** 17] }, /^n\[0\] is 131072; an integer from 2 to 65536/],
  ["E12", { repeats: 2 }, /simulate E12 has no option "repeats"/],
  ["E14", { from: 10, to: 5 }, /^from is 10 and to is 5/],
  ["E14", { alpha: [0] }, /^alpha\[0\] is 0/],
  ["E14", { exponent: [2] }, /^exponent\[0\] is 2; a number from 0 to 1/],
  ["E14", { ...heads, from: 2 }, /^to is undefined; with q and k/],
  ["E15", { heads: 3 }, /^heads is 3; a divisor of d = 64/],
  ["E15", { norm: "middle" }, /^norm is the string "middle"; one of "pre", "post"/],
  ["E15", { residual: 1 }, /^residual is 1; true or false/],
  ["E15", { layers: 97 }, /^layers is 97; an integer from 1 to 96/],
  ["E15", { n: 8193 }, /^n is 8193; an integer from 2 to 8192/],
  ["E16", { weights: "none" }, /^weights is "none"; positions need queries and keys/],
  ["E16", { base: [1] }, /^base\[0\] is 1; a number greater than 1/],
  ["E16", { d: 7 }, /^d is 7; rotary positions need an even one/],
  ["E16", { n: 64, offset: [64] }, /^offset\[0\] is 64; an integer from 0 to 63/],
  ["E16", { n: 2 ** 15 }, /^n is 32768; an integer from 2 to 16384/],
  ["E19", { n: 8193 }, /^n is 8193; an integer from 2 to 8192/],
  ["E20", { rows: 513 }, /^rows is 513; an integer from 1 to 512/],
  ["E19", { rho: [1] }, /^rho\[0\] is 1; a number between 0 and 1/],
  ["E19", { dimension: [1025] }, /^dimension\[0\] is 1025; an integer from 2 to 1024/],
  ["E20", { n: [100, 100] }, /^n is 100; two different lengths are needed/],
  ["E20", { dimension: 257 }, /^dimension is 257/],
  ["E13", { input: "sink" }, /^input is the string "sink"; E13 needs keys/],
  ["E13", { d: 129 }, /^d is 129; E13 takes 1 to 128/],
  ["E13", { recall: [2] }, /^recall\[0\] is 2; a number from 0 to 1/],
  ["E13", { tables: [17] }, /^tables\[0\] is 17; an integer from 1 to 16/],
  ["E13", { components: [65] }, /^components\[0\] is 65; an integer from 1 to 64/],
  ["E13", { n: [2 ** 17 + 1] }, /^n\[0\] is 131073; an integer from 2 to 131072/],
  ["E17", { n: [7] }, /^n\[0\] is 7; an integer from 8/],
  ["E17", { classes: 3 }, /^classes is 3; an integer from 4/],
  ["E17", { signal: 1.1 }, /^signal is 1.1/],
  ["E17", { input: "student" }, /simulate E17 has no option "input"/],
  ["E18", { mass: [0] }, /^mass\[0\] is 0/],
  ["E18", { mass: 0.1 }, /^mass is 0.1; an array/],
  ["E22", { rows: 1025 }, /^rows is 1025; an integer from 1 to 1024/],
  ["E22", { input: "sink" }, /^input is the string "sink"; E22/],
  ["E3", { ...heads, n: [8] }, /simulate E3 has no option "q"/],
  ["E2", { ...heads, n: [9] }, /^n is up to 9; q and k have 8 tokens/],
  ["E2", { ...heads }, /^n is undefined; with q and k/],
  ["E2", { ...heads, n: [8], weights: "tied" }, /^weights is given, but the scores come from q and k/],
  ["E2", { q: heads.q, d: 8, n: [8] }, /^k is undefined; a Float32Array/],
  ["E2", null, /options of simulate E2 are null/],
] as const)("%s refuses %j", (id, parameters, text) => {
  expectError("invalid-argument", text, () => first!.simulate(id, parameters as never));
});

test("heads of the wrong size, or that are not finite", () => {
  const wrong = (parameters: object) => () => run(first, "E2", { d: 8, n: [8], ...parameters });
  expectError("shape-mismatch", /^q has 63 numbers; a multiple of d = 8/, wrong({ ...heads, q: new Float32Array(63) }));
  expectError("shape-mismatch", /^k has 72 numbers; .* needs 64/, wrong({ ...heads, k: new Float32Array(72) }));
  const spoiled = Float32Array.from({ length: 64 }, (_, i) => (i === 40 ? NaN : 1));
  expectError("non-finite", /^k is NaN at index 40/, wrong({ ...heads, k: spoiled }));
  expect(first!.memory().liveBytes).toBe(0);
});

test("more than fits is out of memory, and the instance works afterwards", async () => {
  const little = await create({ variant: "simd", studies: true, maximumMemory: 2 ** 25 });
  const parameters = { n: [2 ** 20], rows: 64, weights: "none" } as const;
  expectError("out-of-memory", /smaller n or fewer rows/, () => run(little, "E2", parameters));
  expect(little.memory().liveBytes).toBe(0);
  expect(run(little, "E4", all.E4.parameters)).toEqual(run(little, "E4", all.E4.parameters));
  little.dispose();
});

// Scores of a group are capped, so memory follows n and not n squared: four times the length, at most about four times
// the memory.
test("memory is linear in the length", async () => {
  const used = async (n: number) => {
    const heed = await create({ variant: "simd", studies: true });
    run(heed, "E2", { n: [n], rows: 32, weights: "none", keep: [1], exponent: [0.5] });
    const { totalBytes } = heed.memory();
    heed.dispose();
    return totalBytes;
  };
  expect(await used(2 ** 18)).toBeLessThan(5 * (await used(2 ** 16)));
});
