/**
 * What the formulas of `heed.theory` take and give. Plain objects of numbers, in double precision.
 *
 * p is a row, p̂ its k largest entries, renormalized; tau the probability of the others, sigma the standard deviation
 * of the row's logits, scale included. Sources, proofs and marks (stated or derived): cpp/theory.
 */
import type { CallOptions, Numbers } from "./options.js";

/** k = clamp(ceil(alpha n^exponent), max(1, min), max): the entries to keep at n visible keys. */
export interface WindowLawParameters {
  n: number;
  /** Greater than 0. */
  alpha: number;
  /** From 0 to 1. */
  exponent: number;
  min?: number;
  max?: number;
}

/** Gaussian logits of standard deviation `sigma`, n of them in a row; entries at most `epsilon` are ineffective. */
export interface EffectiveEntriesParameters {
  n: number;
  epsilon: number;
  sigma: number;
}
/** The parameters of `ineffectiveShare`, the same. */
export type IneffectiveShareParameters = EffectiveEntriesParameters;

/** How many entries of a row exceed epsilon. */
export interface EffectiveEntries {
  /** For Gaussian logits: n Phi_c((ln(epsilon n) + sigma² / 2) / sigma). */
  entries: number;
  /** 1 - entries / n. */
  ineffectiveShare: number;
  /** For any logits at most min(n, floor(1 / epsilon)), because a row sums to 1. */
  limit: number;
}

/** Keeping the k largest of n Gaussian logits. */
export interface GaussianTopKParameters {
  n: number;
  k: number;
  sigma: number;
}

/** Closed forms for large n. */
export interface GaussianTopK {
  /** tau = Phi(t - sigma), t = Phi_c⁻¹(k / n). */
  dropped: number;
  /** ||p̂ - p||₂; to be relied on while 2 sigma < sqrt(2 ln n). */
  rowError: number;
}

/** The least k whose entries hold the share `mass` of a Gaussian row: n Phi_c(sigma + Phi⁻¹(1 - mass)). */
export interface KeepForMassParameters {
  n: number;
  sigma: number;
  /** Greater than 0, at most 1. */
  mass: number;
}

/** Takes `radius`, `rigorousRadius` and `stableRank` as `radius` returns them. */
export interface LogitBoundParameters {
  /** Tokens. */
  n: number;
  /** Probability that the bound fails. Default: 0.01. */
  delta?: number;
  radius: number;
  rigorousRadius: number;
  stableRank: number;
}

/** Lemma 4.2: all logits between different tokens are at most this large, with probability 1 - delta. */
export interface LogitBound {
  /** sqrt(2 ln(2 n² / delta)). */
  factor: number;
  /** factor R': proved for independent, bounded, zero-mean inputs. */
  bound: number;
  /** factor R, the form of the paper: only an order of magnitude, and only where `concentrates`. */
  radiusForm: number;
  /** 2 ln(2 n² / delta) <= stable rank: the logits have Gaussian tails there. */
  concentrates: boolean;
}

/** One row of Gaussian logits. */
export interface RegimeParameters {
  /** At least 2. */
  n: number;
  sigma: number;
  /** Mean logit of the token with itself, `selfScore` of `radius`. Default: the token itself is not looked at. */
  selfScore?: number;
}

/** Which kind of collapse a row is in. */
export interface Regime {
  /**
   * "self-collapse": the token itself has most of the mass. "dispersion": attention is spread. "condensation": the mass
   * sits on about n^massExponent entries. "frozen": on a bounded number.
   */
  regime: "dispersion" | "self-collapse" | "condensation" | "frozen";
  /** sigma / sqrt(2 ln n). */
  gamma: number;
  /** exp(selfScore - sigma² / 2): the n below which the token itself wins. */
  crossover: number;
  /** Share of the token itself. */
  selfWeight: number;
  /** max(0, 1 - gamma²). */
  massExponent: number;
  /** Of the mass on other tokens, in nats. */
  entropy: number;
  /** 1 / Σ p² of the mass on other tokens. */
  participation: number;
}

/** Keeping n^exponent entries of rows whose scores spread by at most `spread` = s_max - s_min. */
export interface SufficiencyParameters {
  /** At least 2. */
  n: number;
  /** From 0 to 1. */
  exponent: number;
  spread: number;
}

/** Theorem 6.1 in the forms that can be proved. */
export interface Sufficiency {
  /** n^exponent. */
  entries: number;
  /** r of ||p̂ - p||₂ <= n^-r (1 + o(1)): (exponent - spread / ln n) / 2. */
  rate: number;
  /** Whether that falls with n: rate > 0. */
  vanishes: boolean;
  /** ||p̂ - p||₂ is at most this, whatever the row. */
  rowErrorAtMost: number;
  /** tau is at least this: in total variation n^C is not enough for bounded scores. */
  droppedAtLeast: number;
}

/** Keeping k of n entries of rows whose scores spread by at most `spread`. */
export interface NecessityParameters {
  n: number;
  k: number;
  spread: number;
}

/** Theorem 6.2 in the forms that can be proved. */
export interface Necessity {
  /** tau is at least this. */
  droppedAtLeast: number;
  /** ||p̂ - p||₂ is at least this: the dropped mass over sqrt(k). */
  rowErrorAtLeast: number;
  /** (1/n) ||P̂ - P|| is at most this, whatever is kept: that metric says nothing. */
  matrixNormAtMost: number;
}

/** What "the same cost" means: at the first length, Σ n k(n), or Σ k(n). */
export type Cost = "length" | "prefill" | "decode";

/** A window law with the cost of keeping k. */
export interface AlignCostParameters {
  lengths: readonly number[];
  k: number;
  exponent: number;
  /** Default: "decode". */
  cost?: Cost;
  min?: number;
  max?: number;
}

/** `cost` is as near to `target` as any alpha comes, with rounding and clamping. */
export interface Alignment {
  alpha: number;
  /** By the formula, without rounding and clamping. */
  unrounded: number;
  cost: number;
  target: number;
}

/** A fixed window beside k = alpha n^exponent of the same cost. */
export interface EqualCostParameters {
  lengths: readonly number[];
  /** Of the logits: one number, or one for each length. */
  sigma: number | readonly number[];
  k: number;
  exponent: number;
  /** Default: "decode". */
  cost?: Cost;
}

/** One value for each way to judge a policy; mean and worst are over the lengths. */
export interface PolicyColumns<Value> {
  meanRowError: Value;
  worstRowError: Value;
  meanDropped: Value;
  worstDropped: Value;
}

/** Closed forms for Gaussian logits, k not rounded. */
export interface EqualCost {
  alpha: number;
  /** Whether 2 sigma < sqrt(2 ln n) at every length; elsewhere the row errors are not to be relied on. */
  rowErrorValid: boolean;
  fixed: PolicyColumns<number>;
  window: PolicyColumns<number>;
  /** Less error; within a thousandth of each other is a tie. */
  winner: PolicyColumns<"fixed" | "window" | "tie">;
}

/** A budget of k entries a row on average, over Gaussian rows of n entries, one for each sigma. */
export interface PoliciesParameters {
  n: number;
  k: number;
  sigma: readonly number[];
}

/** What a policy drops. */
export interface DroppedMass {
  mean: number;
  worst: number;
  /** k, the threshold of p, or the dropped mass, which is the same in every row. */
  level: number;
}

/** `threshold` has the least mean and `topP` the least worst dropped mass that any policy can have. */
export interface Policies {
  fixed: DroppedMass;
  threshold: DroppedMass;
  topP: DroppedMass;
}

/** Observed needs: `entries[i]` keys were needed at `lengths[i]`. */
export interface CalibrateParameters {
  lengths: readonly number[];
  entries: readonly number[];
  /**
   * "fit": least squares of ln k on ln n. "grid": exponents 0, 0.01, ..., 1 and the alpha with the least worst ratio.
   * "theory": from `sigma` and `mass`, without the observed needs. Default: "fit".
   */
  method?: "fit" | "grid" | "theory";
  /** So many of the last lengths are not used, and tell how the law carries. Default: 0. */
  holdOut?: number;
  /** With "theory": the share that is to be kept. */
  mass?: number;
  /** With "theory": of the logits, one number or one for each length. */
  sigma?: number | readonly number[];
}

/** alpha n^exponent against needs. */
export interface LawError {
  /** Largest relative error. */
  worst: number;
  /** Σ alpha n^exponent / Σ k - 1; NaN without lengths. */
  overrun: number;
}

/** A window law, and how it meets what it was made from and what was held out. */
export interface Calibration {
  alpha: number;
  /** Within 0 and 1. */
  exponent: number;
  /** Of the exponent; NaN for the grid and for fewer than three lengths. */
  standardError: number;
  fitted: LawError;
  heldOut: LawError;
}

/** One row. */
export interface CertificatesParameters {
  /** In any order. */
  scores: readonly number[];
  k: number;
}

/** What keeping the k largest of a row costs, exactly, and what bounds would have said. */
export interface RowCertificates {
  /** tau, the total variation between p̂ and p. */
  dropped: number;
  /** ||p̂ - p||₁ = 2 tau. */
  l1: number;
  /** ||p̂ - p||₂. */
  l2: number;
  lInfinity: number;
  /** KL(p̂ || p) = -ln(1 - tau). */
  divergence: number;
  /** tau / (1 - tau). */
  chiSquared: number;
  /** Of p, in nats. */
  entropy: number;
  /** 1 / Σ p². */
  participation: number;
  /** Upper bounds of tau. */
  singleGap: number;
  headAware: number;
  /** Bounds of l2 from tau, k and the spread of the kept scores. */
  l2Bounds: { lower: number; upper: number };
}

/** tau <= 1 / (1 + k / (n - k) e^gap), gap = s_k - s_(k+1). */
export interface SingleGapParameters {
  n: number;
  k: number;
  gap: number;
}

/** tau <= (n - k) e^next / (e^logKept + (n - k) e^next). */
export interface HeadAwareParameters {
  n: number;
  k: number;
  /** ln of the sum of e^s over the kept keys. */
  logKept: number;
  /** The largest score that is not kept, or a bound of it. */
  next: number;
}

/** Total variation of two softmaxes whose scores differ by at most `error`: tanh(error / 2). */
export interface LogitErrorParameters {
  error: number;
}

/** x as the nearest number of a format, ties to even; beyond its largest number, that one. */
export interface RoundedParameters {
  x: number;
  /** e4m3 and e5m2 are the OCP formats of 8 bits. */
  format: "f64" | "f32" | "bf16" | "f16" | "e4m3" | "e5m2";
}

/** The formulas by name, with what they take and give. */
export interface Formulas {
  windowLaw: { parameters: WindowLawParameters; result: number };
  ineffectiveShare: { parameters: IneffectiveShareParameters; result: number };
  effectiveEntries: { parameters: EffectiveEntriesParameters; result: EffectiveEntries };
  gaussianTopK: { parameters: GaussianTopKParameters; result: GaussianTopK };
  keepForMass: { parameters: KeepForMassParameters; result: number };
  logitBound: { parameters: LogitBoundParameters; result: LogitBound };
  regime: { parameters: RegimeParameters; result: Regime };
  sufficiency: { parameters: SufficiencyParameters; result: Sufficiency };
  necessity: { parameters: NecessityParameters; result: Necessity };
  alignCost: { parameters: AlignCostParameters; result: Alignment };
  equalCost: { parameters: EqualCostParameters; result: EqualCost };
  policies: { parameters: PoliciesParameters; result: Policies };
  calibrate: { parameters: CalibrateParameters; result: Calibration };
  certificates: { parameters: CertificatesParameters; result: RowCertificates };
  singleGap: { parameters: SingleGapParameters; result: number };
  headAware: { parameters: HeadAwareParameters; result: number };
  logitError: { parameters: LogitErrorParameters; result: number };
  rounded: { parameters: RoundedParameters; result: number };
}

/** The name of a formula. */
export type FormulaName = keyof Formulas;

/** Rotary positions: a key m tokens away is turned by m base^(-2 f / headDim) in each pair f of dimensions. */
export interface RotaryPositions {
  base: number;
  /** Offsets 0 .. length - 1 are averaged over. Default: Infinity, all phases evenly spread. */
  length?: number;
  /** f and f + headDim / 2 ("halves", default, Hugging Face's Llama), or 2 f and 2 f + 1 ("neighbors"). */
  pairs?: "halves" | "neighbors";
}

/** One head's projections. */
export interface RadiusParameters {
  /** (headDim, width), as linear layers store it: W_Qᵀ. */
  queryWeights: Numbers;
  /** (headDim, width): W_Kᵀ. */
  keyWeights: Numbers;
  headDim: number;
  /** What a `Uint16Array` holds. */
  dtype?: "f32" | "f16";
  /** Multiplies every score. Default: 1 / sqrt(headDim). */
  scale?: number;
  /** (tokens, width): what the projections are applied to. */
  inputs?: Numbers;
  /** B, at least every |x|. Default: the largest of `inputs`; without them sqrt(width), which RMS norms keep to. */
  bound?: number;
  /** v, the mean of x². Default: that of `inputs`; without them 1. */
  meanSquare?: number;
  rope?: RotaryPositions;
}

/** How large the logits of a head can be; W = W_Q W_Kᵀ. */
export interface Radius {
  /** R = scale B² ||W||_F. */
  radius: number;
  /** scale v ||W||_F: the standard deviation of a logit between independent tokens. */
  rmsRadius: number;
  /** R' = scale B² sqrt(width) ||W||₂ >= R: what the bound on all logits needs. */
  rigorousRadius: number;
  /** scale ||Lᵀ W L||₂ with L Lᵀ = E[x xᵀ], of `inputs`; without them scale v ||W||₂. */
  horizon: number;
  frobeniusNorm: number;
  /** ||W||₂. */
  spectralNorm: number;
  /** ||W||_F² / ||W||₂². */
  stableRank: number;
  /** tr W. */
  trace: number;
  /** tr W². */
  squareTrace: number;
  /** tr(W)² / (r tr W²), r = min(width, headDim): 1 when all eigenvalues are equal. */
  localization: number;
  /** scale v tr W: the mean logit of a token with itself. */
  selfScore: number;
  /** ||W||_F averaged over the offsets of `rope`; NaN without. */
  ropeNorm: number;
  /** B and v as they were used. */
  bound: number;
  meanSquare: number;
  /** Standard deviation of all logits of `inputs`, without positions; NaN without inputs. */
  sigma: number;
}

/** The formulas, `Reply` of their results: the result itself in heed/sync, a promise of it in heed. */
export type TheoryOf<Reply extends "now" | "promise"> = {
  readonly [Name in FormulaName]: (
    parameters: Formulas[Name]["parameters"],
  ) => Reply extends "now" ? Formulas[Name]["result"] : Promise<Formulas[Name]["result"]>;
} & {
  /** Long for large weights: takes the options of every call. */
  radius(parameters: RadiusParameters, options?: CallOptions): Reply extends "now" ? Radius : Promise<Radius>;
  /** `ropeNorm` of `radius`. */
  ropeAveragedNorm(
    parameters: RadiusParameters & { rope: RotaryPositions },
    options?: CallOptions,
  ): Reply extends "now" ? number : Promise<number>;
};
