/**
 * What the formulas of `heed.theory` take and give. Plain objects of numbers, in double precision.
 *
 * p is a row, p̂ its k largest entries, renormalized; tau the probability of the others, sigma the standard deviation
 * of the row's logits, scale included. Sources, proofs and marks (stated or derived): cpp/theory.
 */
import type { CallOptions, Numbers } from "./options.js";

/** k = clamp(ceil(alpha n^exponent), max(1, min), max): the entries to keep at n visible keys. */
export interface WindowLawParameters {
  /** Visible keys of a row. */
  n: number;
  /** Greater than 0. */
  alpha: number;
  /** From 0 to 1. */
  exponent: number;
  /** The least that is kept. Default: 1. */
  min?: number;
  /** The most that is kept. Default: n. */
  max?: number;
}

/** Gaussian logits of standard deviation `sigma`, n of them in a row; entries at most `epsilon` are ineffective. */
export interface EffectiveEntriesParameters {
  /** Visible keys of a row. */
  n: number;
  /** Entries at most this large are ineffective. */
  epsilon: number;
  /** Standard deviation of the logits, scale included. */
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
  /** Visible keys of a row. */
  n: number;
  /** Keys kept in a row. */
  k: number;
  /** Standard deviation of the logits, scale included. */
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
  /** Visible keys of a row. */
  n: number;
  /** Standard deviation of the logits, scale included. */
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
  /** R. */
  radius: number;
  /** R'. */
  rigorousRadius: number;
  /** ||W||_F² / ||W||₂². */
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
  /** Standard deviation of the logits, scale included. */
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
  /** s_max - s_min of the scores of a row. */
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
  /** Visible keys of a row. */
  n: number;
  /** Keys kept in a row. */
  k: number;
  /** s_max - s_min of the scores of a row. */
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
  /** The lengths of context, in keys. */
  lengths: readonly number[];
  /** The fixed window that is to cost as much. */
  k: number;
  /** Of the window law, from 0 to 1. */
  exponent: number;
  /** Default: "decode". */
  cost?: Cost;
  /** The least that is kept. Default: 1. */
  min?: number;
  /** The most that is kept. Default: n. */
  max?: number;
}

/** `cost` is as near to `target` as any alpha comes, with rounding and clamping. */
export interface Alignment {
  /** Of the law alpha n^exponent. */
  alpha: number;
  /** By the formula, without rounding and clamping. */
  unrounded: number;
  /** What the law costs, rounded and clamped. */
  cost: number;
  /** What keeping k costs. */
  target: number;
}

/** A fixed window beside k = alpha n^exponent of the same cost. */
export interface EqualCostParameters {
  /** The lengths of context, in keys. */
  lengths: readonly number[];
  /** Of the logits: one number, or one for each length. */
  sigma: number | readonly number[];
  /** The fixed window. */
  k: number;
  /** Of the growing window, from 0 to 1. */
  exponent: number;
  /** Default: "decode". */
  cost?: Cost;
}

/** One value for each way to judge a policy; mean and worst are over the lengths. */
export interface PolicyColumns<Value> {
  /** ||p̂ - p||₂, mean over the lengths. */
  meanRowError: Value;
  /** ||p̂ - p||₂, the largest of the lengths. */
  worstRowError: Value;
  /** tau, mean over the lengths. */
  meanDropped: Value;
  /** tau, the largest of the lengths. */
  worstDropped: Value;
}

/** Closed forms for Gaussian logits, k not rounded. */
export interface EqualCost {
  /** Of the growing window. */
  alpha: number;
  /** Whether 2 sigma < sqrt(2 ln n) at every length; elsewhere the row errors are not to be relied on. */
  rowErrorValid: boolean;
  /** Keeping k at every length. */
  fixed: PolicyColumns<number>;
  /** Keeping alpha n^exponent. */
  window: PolicyColumns<number>;
  /** Less error; within a thousandth of each other is a tie. */
  winner: PolicyColumns<"fixed" | "window" | "tie">;
}

/** A budget of k entries a row on average, over Gaussian rows of n entries, one for each sigma. */
export interface PoliciesParameters {
  /** Entries of a row. */
  n: number;
  /** Kept in a row on average. */
  k: number;
  /** One for each row. */
  sigma: readonly number[];
}

/** What a policy drops. */
export interface DroppedMass {
  /** tau, mean over the rows. */
  mean: number;
  /** tau, the largest of the rows. */
  worst: number;
  /** k, the threshold of p, or the dropped mass, which is the same in every row. */
  level: number;
}

/** `threshold` has the least mean and `topP` the least worst dropped mass that any policy can have. */
export interface Policies {
  /** The same k in every row. */
  fixed: DroppedMass;
  /** One threshold of p for all rows. */
  threshold: DroppedMass;
  /** The same kept mass in every row. */
  topP: DroppedMass;
}

/** Observed needs: `entries[i]` keys were needed at `lengths[i]`. */
export interface CalibrateParameters {
  /** The lengths of context, in keys. */
  lengths: readonly number[];
  /** The keys that were needed at each of them. */
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
  /** Of the law alpha n^exponent. */
  alpha: number;
  /** Within 0 and 1. */
  exponent: number;
  /** Of the exponent; NaN for the grid and for fewer than three lengths. */
  standardError: number;
  /** Against the lengths that the law was made from. */
  fitted: LawError;
  /** Against the lengths that it was not made from. */
  heldOut: LawError;
}

/** One row. */
export interface CertificatesParameters {
  /** In any order. */
  scores: readonly number[];
  /** How many of the largest are kept. */
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
  /** ||p̂ - p||∞. */
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
  /** From the sum over the kept keys too. */
  headAware: number;
  /** Bounds of l2 from tau, k and the spread of the kept scores. */
  l2Bounds: { lower: number; upper: number };
}

/** tau <= 1 / (1 + k / (n - k) e^gap), gap = s_k - s_(k+1). */
export interface SingleGapParameters {
  /** Visible keys of a row. */
  n: number;
  /** Keys kept in a row. */
  k: number;
  /** s_k - s_(k+1), at least 0. */
  gap: number;
}

/** tau <= (n - k) e^next / (e^logKept + (n - k) e^next). */
export interface HeadAwareParameters {
  /** Visible keys of a row. */
  n: number;
  /** Keys kept in a row. */
  k: number;
  /** ln of the sum of e^s over the kept keys. */
  logKept: number;
  /** The largest score that is not kept, or a bound of it. */
  next: number;
}

/** Total variation of two softmaxes whose scores differ by at most `error`: tanh(error / 2). */
export interface LogitErrorParameters {
  /** Largest absolute difference of two scores, at least 0. */
  error: number;
}

/** x as the nearest number of a format, ties to even; beyond its largest number, that one. */
export interface RoundedParameters {
  /** Any number. */
  x: number;
  /** e4m3 and e5m2 are the OCP formats of 8 bits. */
  format: "f64" | "f32" | "bf16" | "f16" | "e4m3" | "e5m2";
}

/** The formulas by name, with what they take and give. */
export interface Formulas {
  /** k = clamp(ceil(alpha n^C), max(1, min), max). The law is stated by the paper; rounding and clamp are ours. */
  windowLaw: { parameters: WindowLawParameters; result: number };
  /** Share of Gaussian entries at most epsilon: Phi((ln(epsilon n) + sigma² / 2) / sigma). arXiv 2512.07647. */
  ineffectiveShare: { parameters: IneffectiveShareParameters; result: number };
  /** Entries above epsilon. The definition is stated by the paper; closed form and limit are derived. */
  effectiveEntries: { parameters: EffectiveEntriesParameters; result: EffectiveEntries };
  /** tau and the l2 row error of the k largest of n Gaussian logits, for large n. Derived. */
  gaussianTopK: { parameters: GaussianTopKParameters; result: GaussianTopK };
  /** The least k that keeps a share of a Gaussian row, for large n. Derived. */
  keepForMass: { parameters: KeepForMassParameters; result: number };
  /** Lemma 4.2, |logits| <= R' sqrt(2 ln(2 n² / delta)), bounded zero-mean inputs. Stated; constants derived. */
  logitBound: { parameters: LogitBoundParameters; result: LogitBound };
  /** Theorem 5.1: which kind of collapse a row of n Gaussian logits is in. Stated; the kinds are derived. */
  regime: { parameters: RegimeParameters; result: Regime };
  /** Theorem 6.1: what n^C entries are enough for, scores of bounded spread. Stated; the forms are derived. */
  sufficiency: { parameters: SufficiencyParameters; result: Sufficiency };
  /** Theorem 6.2: what o(log n) entries cannot do, scores of bounded spread. Stated; the forms are derived. */
  necessity: { parameters: NecessityParameters; result: Necessity };
  /** alpha of the law that costs as much as a fixed k, in three senses of cost. Derived. */
  alignCost: { parameters: AlignCostParameters; result: Alignment };
  /** Who has the smaller error at that cost, Gaussian logits. Derived. */
  equalCost: { parameters: EqualCostParameters; result: EqualCost };
  /** What the best policies drop at an average budget, Gaussian rows. Derived. */
  policies: { parameters: PoliciesParameters; result: Policies };
  /** alpha and C from observed needs, and how they meet lengths that were held out. Derived. */
  calibrate: { parameters: CalibrateParameters; result: Calibration };
  /** What keeping the k largest of one row costs, and bounds of it. arXiv 2512.07647, or derived. */
  certificates: { parameters: CertificatesParameters; result: RowCertificates };
  /** Upper bound of tau from two scores. arXiv 2512.07647. */
  singleGap: { parameters: SingleGapParameters; result: number };
  /** Upper bound of tau from the kept scores and the largest dropped one. arXiv 2512.07647. */
  headAware: { parameters: HeadAwareParameters; result: number };
  /** Upper bound of the total variation of two softmaxes from the distance of their scores. Derived. */
  logitError: { parameters: LogitErrorParameters; result: number };
  /** What a narrower format holds of a number. */
  rounded: { parameters: RoundedParameters; result: number };
}

/** The name of a formula. */
export type FormulaName = keyof Formulas;

/** Rotary positions: a key m tokens away is turned by m base^(-2 f / headDim) in each pair f of dimensions. */
export interface RotaryPositions {
  /** Greater than 1; Llama has 10000. */
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
  /** Width of the head: rows of the weights. */
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
  /** Averages ||W||_F over offsets. */
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
  /** ||W||_F. */
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
  /** v as it was used. */
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
