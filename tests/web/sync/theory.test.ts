/** The formulas through the package: values that are known, identities, and what is refused. */
import { create, type CalibrateParameters, type FormulaName } from "heed/sync";
import { afterAll, describe, expect, test } from "vitest";

import { expectError } from "../support/expect-error.js";
import { expectedSync } from "../support/expected-variants.js";

const instances = await Promise.all(expectedSync.map((variant) => create({ variant })));
afterAll(() => instances.forEach((heed) => heed.dispose()));

const doubling = [1024, 2048, 4096, 8192, 16384, 32768];

/** A printed number, to half a unit of its last digit. */
function expectPrinted(value: number, printed: string): void {
  const digits = (printed.split(".")[1] ?? "").length;
  expect(Math.abs(value - Number(printed)), `${value} for ${printed}`).toBeLessThanOrEqual(0.50001 * 10 ** -digits);
}

describe.each(instances.map((heed) => ({ heed, variant: heed.info.variant })))("theory, $variant", ({ heed }) => {
  const { theory } = heed;

  test("certificates of the tiny row, to the printed digits, scores in any order", () => {
    for (const scores of [
      [2, 1, 0, -1],
      [0, -1, 2, 1],
    ]) {
      const row = theory.certificates({ scores, k: 2 });
      expectPrinted(row.dropped, "0.119203");
      expectPrinted(row.l1, "0.238406");
      expectPrinted(row.l2, "0.131316");
      expectPrinted(row.lInfinity, "0.087144");
      expectPrinted(row.divergence, "0.126928");
      expectPrinted(row.chiSquared, "0.135335");
      expectPrinted(row.singleGap, "0.268941");
      expectPrinted(row.headAware, "0.165189");
      expectPrinted(row.entropy, "0.947537");
      expectPrinted(row.participation, "2.086111");
      expectPrinted(row.l2Bounds.lower, "0.084289");
      expectPrinted(row.l2Bounds.upper, "0.267973");
    }
    expect(theory.certificates({ scores: [1, 2], k: 5 }).dropped).toBe(0);
  });

  test("single certificates are those of the row", () => {
    const row = theory.certificates({ scores: [2, 1, 0, -1], k: 2 });
    expect(theory.singleGap({ n: 4, k: 2, gap: 1 })).toBe(row.singleGap);
    const logKept = Math.log(Math.exp(2) + Math.exp(1));
    expect(theory.headAware({ n: 4, k: 2, logKept, next: 0 })).toBeCloseTo(row.headAware, 14);
    expect(theory.logitError({ error: 0.5 })).toBeCloseTo(Math.tanh(0.25), 15);
  });

  test("numbers are rounded to the nearest of a format, ties to even", () => {
    const rounded = (format: "f32" | "bf16" | "f16" | "e4m3" | "e5m2" | "f64", x: number) =>
      theory.rounded({ x, format });
    for (const x of [Math.PI, -1e-40, 2 ** -149, 1e30 / 3]) expect(rounded("f32", x)).toBe(Math.fround(x));
    expect(rounded("f64", Math.PI)).toBe(Math.PI);
    expect([1 + 2 ** -8, 1 + 3 * 2 ** -8].map((x) => rounded("bf16", x))).toEqual([1, 1 + 2 ** -6]);
    expect([2 ** -24, 2 ** -25, 1e6].map((x) => rounded("f16", x))).toEqual([2 ** -24, 0, 65504]);
    expect([17, 19, 1000, 2 ** -10].map((x) => rounded("e4m3", x))).toEqual([16, 20, 448, 0]);
    expect([17, 19, 1e6].map((x) => rounded("e5m2", x))).toEqual([16, 20, 57344]);
    expect(() => rounded("int8" as "f16", 1)).toThrow(/format is the string "int8"/);
  });

  test.each([
    [1, 0.1, "0.611"],
    [1, 0.01, "0.908"],
    [2, 0.05, "0.361"],
    [3, 0.01, "0.250"],
    [4, 0.1, "0.0033"],
  ])("sigma %d, dropped mass %d: the share to keep is %s", (sigma, dropped, share) => {
    const n = 1e9;
    const k = theory.keepForMass({ n, sigma, mass: 1 - dropped });
    expectPrinted(k / n, share);
    expect(theory.gaussianTopK({ n, k, sigma }).dropped).toBeLessThanOrEqual(dropped * (1 + 1e-6));
    expect(theory.gaussianTopK({ n, k: k - 1e5, sigma }).dropped).toBeGreaterThan(dropped);
  });

  test("effective entries: closed form, share and limit agree", () => {
    const { entries, ineffectiveShare, limit } = theory.effectiveEntries({ n: 1024, epsilon: 1e-3, sigma: 1 });
    expectPrinted(entries, "307.4");
    expect(ineffectiveShare).toBe(theory.ineffectiveShare({ n: 1024, epsilon: 1e-3, sigma: 1 }));
    expect(1 - entries / 1024).toBeCloseTo(ineffectiveShare, 12);
    expect(limit).toBe(1000);
  });

  test("regimes have names", () => {
    const root = Math.sqrt(2 * Math.log(4096));
    expect(theory.regime({ n: 4096, sigma: 1 }).regime).toBe("dispersion");
    expect(theory.regime({ n: 4096, sigma: 0.8 * root }).regime).toBe("condensation");
    expect(theory.regime({ n: 4096, sigma: 1.2 * root }).regime).toBe("frozen");
    const self = theory.regime({ n: 1024, sigma: 1, selfScore: 8 });
    expect(self.regime).toBe("self-collapse");
    expectPrinted(self.crossover, "1808");
    expect(theory.regime({ n: 4096, sigma: 1 }).crossover).toBe(0);
  });

  test("n^C is enough for the row error and not for the mass", () => {
    const { entries, rate, vanishes, droppedAtLeast, rowErrorAtMost } = theory.sufficiency({
      ...{ n: 65536, exponent: 0.5, spread: 2 },
    });
    expect(entries).toBeCloseTo(256, 9);
    expect(rate).toBeCloseTo(0.25 - 1 / Math.log(65536), 12);
    expect(vanishes).toBe(true);
    expect(droppedAtLeast).toBeGreaterThan(0.97);
    expect(rowErrorAtMost).toBeCloseTo(Math.exp(1) / 16, 12);
    const necessity = theory.necessity({ n: 65536, k: 256, spread: 2 });
    expect(necessity.droppedAtLeast).toBe(droppedAtLeast);
    expect(necessity.rowErrorAtLeast).toBeCloseTo(droppedAtLeast / 16, 14);
    expect(necessity.matrixNormAtMost).toBeCloseTo(Math.sqrt(2 / 65536), 15);
    expect(theory.sufficiency({ n: 100, exponent: 0.1, spread: 3 }).vanishes).toBe(false);
  });

  test("the bound on logits takes what radius gives", () => {
    const weights = Float32Array.from({ length: 16 * 32 }, (_, i) => Math.sin(i * i));
    const radius = theory.radius({ queryWeights: weights, keyWeights: weights, headDim: 16 });
    const { rigorousRadius, stableRank } = radius;
    const bound = theory.logitBound({ n: 100, radius: radius.radius, rigorousRadius, stableRank });
    expect(bound.factor).toBeCloseTo(Math.sqrt(2 * Math.log(2e6)), 12);
    expect(bound.bound).toBe(bound.factor * rigorousRadius);
    expect(bound.radiusForm).toBeLessThanOrEqual(bound.bound);
    expect(bound.concentrates).toBe(false);
  });

  test("alignCost: the cost of the law, added up here, is the cost it says, within 0.1 % of the target", () => {
    const lengths = Array.from({ length: 2000 }, (_, i) => i + 1);
    for (const cost of ["length", "prefill", "decode"] as const) {
      for (const exponent of [0, 0.25, 0.5, 1]) {
        const aligned = theory.alignCost({ lengths, k: 32, exponent, cost });
        const { alpha } = aligned;
        const weigh = (n: number, k: number) => (cost === "prefill" ? n * k : k);
        const some = cost === "length" ? [1] : lengths;
        const spent = some.reduce((sum, n) => sum + weigh(n, theory.windowLaw({ n, alpha, exponent })), 0);
        const target = some.reduce((sum, n) => sum + weigh(n, Math.min(n, 32)), 0);
        expect(aligned.cost).toBe(spent);
        expect(aligned.target).toBe(target);
        expect(Math.abs(spent / target - 1)).toBeLessThanOrEqual(1e-3);
      }
    }
  });

  test("equalCost says who wins where, from the numbers", () => {
    const mild = theory.equalCost({ lengths: doubling, sigma: 1, k: 64, exponent: 0.5 });
    expectPrinted(mild.alpha, "0.710");
    expectPrinted(mild.fixed.meanRowError, "0.1209");
    expectPrinted(mild.fixed.worstDropped, "0.970");
    expectPrinted(mild.window.worstRowError, "0.1995");
    expectPrinted(mild.window.worstDropped, "0.951");
    expect(mild.winner).toEqual({
      ...{ meanRowError: "fixed", worstRowError: "fixed", meanDropped: "fixed", worstDropped: "window" },
    });
    expect(mild.rowErrorValid).toBe(true);
    const strong = theory.equalCost({ lengths: doubling, sigma: doubling.map(() => 3), k: 64, exponent: 0.25 });
    expect(strong.winner.meanDropped).toBe("tie");
    expect(strong.rowErrorValid).toBe(false);
    const same = theory.equalCost({ lengths: doubling, sigma: 1, k: 64, exponent: 0 });
    expect(new Set(Object.values(same.winner))).toEqual(new Set(["tie"]));
    expectPrinted(
      theory.equalCost({ lengths: doubling, sigma: 1, k: 64, exponent: 0.5, cost: "prefill" }).alpha,
      "0.451",
    );
  });

  test("policies: a threshold has the least mean, top-p the least worst", () => {
    const { fixed, threshold, topP } = theory.policies({ n: 2048, k: 64, sigma: [0.5, 1, 2, 3, 4] });
    expect(fixed.level).toBe(64);
    expect(threshold.mean).toBeLessThan(Math.min(fixed.mean, topP.mean));
    expect(topP.worst).toBeLessThan(Math.min(fixed.worst, threshold.worst));
    expect(topP.mean).toBeCloseTo(topP.level, 9);
  });

  test("calibrate: three methods, held out at four times the length", () => {
    const lengths = [256, 512, 1024, 2048, 4096, 8192];
    const sigma = lengths.map((n) => 0.35 * Math.sqrt(2 * Math.log(n)));
    const entries = lengths.map((n, i) => theory.keepForMass({ n, sigma: sigma[i] as number, mass: 0.9 }));
    const given: CalibrateParameters = { lengths, entries, sigma, mass: 0.9, holdOut: 2 };
    for (const method of ["fit", "grid", "theory"] as const) {
      const { heldOut, exponent, fitted } = theory.calibrate({ ...given, method });
      expect(heldOut.worst, method).toBeLessThan(0.1);
      expect(fitted.worst, method).toBeLessThan(0.05);
      expect(exponent).toBeGreaterThan(0.7);
    }
    const exact = theory.calibrate({ lengths, entries: lengths.map((n) => 3 * n ** 0.4) });
    expect(exact.alpha).toBeCloseTo(3, 10);
    expect(exact.exponent).toBeCloseTo(0.4, 12);
    expect(exact.heldOut).toEqual({ worst: 0, overrun: NaN });
  });

  test("radius: the matrix written out", () => {
    const [headDim, width] = [4, 6];
    const q = Float32Array.from({ length: headDim * width }, (_, i) => Math.sin(3 * i + 1));
    const k = Float32Array.from({ length: headDim * width }, (_, i) => Math.cos(2 * i + 1));
    const w = (a: number, b: number) => {
      let sum = 0;
      for (let c = 0; c < headDim; ++c) sum += (q[c * width + a] as number) * (k[c * width + b] as number);
      return sum;
    };
    let [square, trace, squareTrace] = [0, 0, 0];
    for (let a = 0; a < width; ++a) {
      trace += w(a, a);
      for (let b = 0; b < width; ++b) {
        square += w(a, b) ** 2;
        squareTrace += w(a, b) * w(b, a);
      }
    }
    const radius = theory.radius({ queryWeights: q, keyWeights: k, headDim, bound: 2 });
    expect(radius.frobeniusNorm).toBeCloseTo(Math.sqrt(square), 12);
    expect(radius.radius).toBeCloseTo((4 * Math.sqrt(square)) / 2, 12);
    expect(radius.rmsRadius).toBeCloseTo(Math.sqrt(square) / 2, 12);
    expect(radius.trace).toBeCloseTo(trace, 12);
    expect(radius.squareTrace).toBeCloseTo(squareTrace, 12);
    expect(radius.localization).toBeCloseTo((trace * trace) / (4 * squareTrace), 10);
    expect(radius.rigorousRadius).toBeGreaterThanOrEqual(radius.radius);
    expect(radius.sigma).toBeNaN();
    expect(radius.ropeNorm).toBeNaN();
    // W_0 = W: one offset.
    const rope = { base: 1e4, length: 1 };
    const parameters = { queryWeights: q, keyWeights: k, headDim };
    expect(theory.ropeAveragedNorm({ ...parameters, rope })).toBeCloseTo(Math.sqrt(square), 12);
    const long = theory.ropeAveragedNorm({ ...parameters, rope: { ...rope, length: 1e6 } });
    expect(long / theory.ropeAveragedNorm({ ...parameters, rope: { base: 1e4 } })).toBeCloseTo(1, 2);
    const inputs = Float32Array.from({ length: 5 * width }, (_, i) => Math.sin(i));
    const measured = theory.radius({ ...parameters, inputs, scale: 1 });
    expect(measured.bound).toBe(Math.max(...inputs.map(Math.abs)));
    expect(measured.sigma).toBeGreaterThan(0);
    expect(heed.memory().liveBytes).toBe(0);
  });

  test("mistakes are named", () => {
    const refuse = (formula: FormulaName, parameters: unknown, message: RegExp) =>
      expectError("invalid-argument", message, () => (theory[formula] as (given: unknown) => unknown)(parameters));
    refuse("regime", { n: 1, sigma: 1 }, /^n is 1; an integer of at least 2 is needed/);
    refuse("regime", { n: 4, sigma: -1 }, /^sigma is -1; a number from 0/);
    refuse("gaussianTopK", { n: 4, sigma: 1 }, /^k is undefined; /);
    refuse(
      "gaussianTopK",
      { n: 4, sigma: 1, K: 1 },
      /theory.gaussianTopK has no option "K"; its options are n, k, sigma/,
    );
    refuse("alignCost", { lengths: [], k: 1, exponent: 1 }, /^lengths is empty; at least one number/);
    refuse("alignCost", { lengths: 3, k: 1, exponent: 1 }, /^lengths is 3; an array of numbers/);
    refuse("alignCost", { lengths: [4, 0], k: 1, exponent: 1 }, /^lengths\[1\] is 0; an integer of at least 1/);
    refuse("alignCost", { lengths: [4], k: 1, exponent: 1.5 }, /^exponent is 1.5; a number from 0 to 1/);
    refuse("alignCost", { lengths: [4], k: 1, exponent: 1, cost: "train" }, /^cost is .*"length", "prefill", "decode"/);
    refuse("alignCost", { lengths: [4], k: 1, exponent: 1, min: 5, max: 4 }, /^max is 4 and min is 5; /);
    refuse("equalCost", { lengths: [4, 8], sigma: [1], k: 1, exponent: 1 }, /^sigma has 1 numbers; .* needed, 2/);
    refuse("calibrate", { lengths: [4, 8], entries: [1] }, /^entries has 1 numbers; .* needed, 2/);
    refuse("calibrate", { lengths: [4, 8], entries: [1, 2], holdOut: 2 }, /^holdOut is 2; an integer from 0 to 1/);
    refuse("calibrate", { lengths: [4], entries: [1], method: "theory" }, /^method is "theory"; then mass.* and sigma/);
    refuse("certificates", { scores: [1, NaN], k: 1 }, /^scores\[1\] is NaN; a finite number/);
    refuse("policies", null as never, /the options of theory.policies are null/);
    const weights = new Float32Array(8);
    const bad = (message: RegExp, code: "invalid-argument" | "shape-mismatch", change: object) =>
      expectError(code, message, () =>
        theory.radius({ queryWeights: weights, keyWeights: weights, headDim: 4, ...change }),
      );
    bad(/^queryWeights has 8 numbers; a multiple of headDim = 3/, "shape-mismatch", { headDim: 3 });
    bad(/^keyWeights has 4 numbers; .* needs 8/, "shape-mismatch", { keyWeights: new Float32Array(4) });
    bad(/^inputs has 3 numbers; a multiple of the width = 2/, "shape-mismatch", { inputs: new Float32Array(3) });
    bad(/^bound is 0; a finite number greater than 0/, "invalid-argument", { bound: 0 });
    bad(/^rope.base is undefined; /, "invalid-argument", { rope: {} });
    bad(/^headDim is 1; with rope an even one/, "invalid-argument", { headDim: 1, rope: { base: 10 } });
    bad(/theory.radius has no option "heads"/, "invalid-argument", { heads: 2 });
    // Found by the fuzz target api-arguments: it ended with the engine's own TypeError.
    const gone = new Float64Array(3);
    structuredClone(gone, { transfer: [gone.buffer] });
    expectError("detached", /the buffer of lengths was transferred away/, () =>
      theory.calibrate({ lengths: gone, entries: [1, 2, 3] } as never),
    );
  });
});
