/** What the calls return, in both entries. A "row" is one (batch entry, query, head), in that order, head fastest. */
import type { Estimator, Search } from "./options.js";
import type { Features } from "./runtime/features.js";
import type { VariantName } from "./runtime/variants.js";

/** What was loaded, and why not more. */
export interface Info {
  /** Of heed. */
  version: string;
  /** The module that was loaded. */
  variant: VariantName;
  /** Threads that work, the caller's included. */
  threads: number;
  /** Why fewer threads than asked for run, in a sentence; null when nothing was held back. */
  reason: string | null;
  /** What the engine has. */
  features: Features;
}

/** Bytes, for finding leaks. */
export interface MemoryUse {
  /** Held by tensors and by calls that are running. */
  liveBytes: number;
  /** Size of the module's memory, which never shrinks. */
  totalBytes: number;
}

/** `attend` with `lse: true`. */
export interface AttendResult<Out = Float32Array> {
  /** (batch, queries, heads, valueDim), or head-major. */
  out: Out;
  /** (batch, queries, heads): log of the softmax denominator; -Infinity where a row sees no key. */
  lse: Float32Array;
}

/** How a sparse result came about. */
export interface TopKInfo {
  /** The search that ran. */
  search: Exclude<Search, "auto">;
  /** As it was used. */
  estimator: Estimator;
  /** Why this search ran, where that was not simply asked for. */
  reason?: string;
  /** With "lsh": the mean share of the exact set that was found, on up to 32 rows evenly spread; 1 without rows. */
  recall?: number;
}

/** `attendTopK`. */
export interface TopKResult<Out = Float32Array> {
  /** (batch, queries, heads, valueDim), or head-major. */
  out: Out;
  /** Per row: the attention that was dropped, from 0 to 1; what is known of it where scores were skipped (`tail`). */
  dropped: Float32Array;
  /** Per row: an upper bound of the dropped attention, arithmetic error included. */
  bound: Float32Array;
  /** Per row: entries kept. */
  kept: Uint32Array;
  /**
   * With `tail: "sampled"`, per row: half the width of the 95 % confidence interval around `dropped`, by the normal
   * approximation. Not a bound: one large weight that the sample missed lies outside. 0 where nothing was estimated.
   */
  interval?: Float32Array;
  /** How it was computed. */
  info: TopKInfo;
}

/** `attendTopK` with `indices: true`. */
export interface IndexedTopKResult<Out = Float32Array> extends TopKResult<Out> {
  /** Kept keys, ascending in each row; row r lies at offsets[r] .. offsets[r + 1]. */
  indices: Uint32Array;
  /** Where each row's keys begin in `indices`; one more than there are rows. */
  offsets: Uint32Array;
}

/**
 * Upper bounds, one per row, with every rounding on the way inside. H are the k kept of n visible keys, T the dropped
 * ones, tau the dropped attention; s_H is the lowest kept and s_T the highest dropped score.
 */
export interface Certificates {
  /** Of tau, from two scores: 1 / (1 + k / (n - k) e^(s_H - s_T)). Often near 1: see `headAware`. arXiv 2512.07647. */
  singleGap: Float32Array;
  /** Of tau, from the kept scores and s_T: M / (Σ_H e^s + M) with M = (n - k) e^(s_T). Never above `singleGap`. */
  headAware: Float32Array;
  /**
   * Of tau, when pages of 32 keys of which none is kept are known by their smallest and largest numbers only:
   * M / (Σ_H e^s + M), M the sum of what their keys can weigh at most and of what the other dropped keys weigh.
   */
  blockwise: Float32Array;
  /**
   * Of the l2 distance between the returned row and exact attention in real numbers: Σ_j |p_j - w_j| ||v_j - c||, w the
   * weights of the estimator, and c the returned row, 0 for "raw". Infinity where nothing can be said.
   */
  outputError: Float32Array;
  /** Of the total variation between the softmax of the computed scores and of the exact ones: tanh(D / 2), D their
   * largest distance. The scan is exact but for rounding, so this is small. */
  logitError: Float32Array;
}

/** `attendTopK` with `certificates: true`. */
export interface CertifiedTopKResult<Out = Float32Array> extends TopKResult<Out> {
  /** Bounds of what was dropped, by row. */
  certificates: Certificates;
}

/** `selectTopK`: score descending, then index ascending, NaN last. */
export interface Selection {
  /** In rank order. */
  indices: Uint32Array;
  /** The numbers at `indices`. */
  values: Float32Array;
}

/** One row of the simulation E1. */
export interface CollapseRow {
  n: number;
  d: number;
  epsilon: number;
  /** Mean number of entries of a row above epsilon. */
  effective: number;
  /** 1 - effective / n. */
  ineffectiveShare: number;
  /** The same share for Gaussian logits of standard deviation `sigma`. */
  closedForm: number;
  /** Standard deviation of the off-diagonal logits, measured. */
  sigma: number;
}

/** How a row chose the number of entries it keeps: k = value, alpha n^value, value ln n, sqrt(ln n), ln ln n. */
export type KeepRule = "constant" | "power" | "log" | "sqrtLog" | "logLog";

/** One row of E2: one length and rule. Errors are of the renormalized top-k row against the row, means over rows. */
export interface SufficiencyRow {
  n: number;
  d: number;
  rule: KeepRule;
  value: number;
  /** Entries kept. */
  k: number;
  /** Mean l2 distance, its standard error, and the largest. */
  l2: number;
  l2Error: number;
  l2Worst: number;
  /** Mean and largest dropped mass: the total variation. */
  dropped: number;
  droppedWorst: number;
  /** Largest single entry of the difference, over all rows. */
  largestError: number;
  /** (1 / n) ||P_k - P||_F, from the sampled rows. */
  frobenius: number;
  /** (1 / n) ||P_k - P||_2 over all rows; NaN unless asked for. */
  spectral: number;
  /** ||P_k V - P V||_F / ||P V||_F; NaN unless asked for. */
  outputError: number;
  /** l2 and dropped mass for Gaussian scores of that sigma; the first needs 2 sigma < sqrt(2 ln n). */
  closedL2: number;
  closedDropped: number;
  /** Rows whose l2 lies outside its two-sided bound: 0. */
  violations: number;
  /** Standard deviation of the scores with other tokens, measured. */
  sigma: number;
}

/** Who has the smaller error: "equal" where they differ by less than two standard errors. */
export type Winner = "equal" | "fixed" | "dynamic";

/** One row of E3: one kind of scores, way of counting cost, and C. Means and worst over the lengths. */
export interface EqualCostRow {
  scores: "sigma" | "gamma" | "identity";
  value: number;
  /** What costs the same: the middle length alone, all queries of all lengths, or one query of each. */
  alignment: "oneLength" | "prefill" | "decode";
  exponent: number;
  alpha: number;
  fixedCost: number;
  dynamicCost: number;
  fixedL2: number;
  dynamicL2: number;
  fixedWorstL2: number;
  dynamicWorstL2: number;
  fixedDropped: number;
  dynamicDropped: number;
  fixedWorstDropped: number;
  dynamicWorstDropped: number;
  winnerL2: Winner;
  winnerWorstL2: Winner;
  winnerDropped: Winner;
  winnerWorstDropped: Winner;
}

/** One row of E4: one length and rule. */
export interface NecessityRow {
  n: number;
  rule: KeepRule;
  value: number;
  k: number;
  l2: number;
  dropped: number;
  /** l2 sqrt(k), which lies between `least` (the dropped mass) and `most`. */
  scaled: number;
  least: number;
  most: number;
  violations: number;
}

/** One row of E5: one length and source. "Predicted" is what the theory says for the measured sigma and ownScore. */
export interface RegimeRow {
  n: number;
  regime: "dispersion" | "selfCollapse" | "condensation" | "frozen";
  /** sigma / sqrt(2 ln n). */
  gamma: number;
  sigma: number;
  /** Mean score of a token with itself above that with others. */
  ownScore: number;
  /** In nats, and as a share of ln n. */
  entropy: number;
  entropyShare: number;
  entropyPredicted: number;
  /** 1 / sum p². */
  participation: number;
  participationPredicted: number;
  epsilon: number;
  /** Entries above epsilon. */
  effective: number;
  /** Largest probability. */
  largest: number;
  /** Probability of the token itself. */
  self: number;
  selfPredicted: number;
  /** The length up to which the token itself has most of the mass. */
  crossover: number;
}

/** One row of E6: one length. Radii and bounds in units of a score. */
export interface ConcentrationRow {
  n: number;
  d: number;
  /** ||W||_F² / ||W||_2². */
  stableRank: number;
  /** B, the largest entry of a token. */
  inputBound: number;
  sigma: number;
  rootMeanSquareRadius: number;
  /** R = B² ||W||_F / sqrt(d). */
  radius: number;
  /** R' = B² ||W||_2. */
  strictRadius: number;
  /** Largest logit of two different tokens among the sampled rows. */
  largest: number;
  /** R and R' times sqrt(2 ln(2 n² / delta)). */
  radiusBound: number;
  strictBound: number;
  /** `largest` over the bounds. */
  radiusRatio: number;
  strictRatio: number;
  /** Share of the repeats in which the strict bound failed. */
  violated: number;
}

/** One row of E7: one length and gain. */
export interface GainRow {
  n: number;
  gain: number;
  sigma: number;
  rootMeanSquareRadius: number;
  /** sqrt(2 ln n). */
  limit: number;
  /** Whether the closed form applies: 2 sigma below the limit. */
  applies: "no" | "yes";
  mass: number;
  /** Fewest entries that drop at most `mass`, its standard error, its share of the row, and the closed form of that. */
  keep: number;
  keepError: number;
  share: number;
  closedShare: number;
  target: number;
  /** Fewest entries with l2 error at most `target`. */
  keepL2: number;
  keepL2Error: number;
}

/** One row of E8: one budget, policy and bucket of lengths; the bucket from 0 holds all rows. */
export interface PolicyRow {
  budget: number;
  policy: "fixed" | "window" | "topP" | "threshold" | "relative";
  /** k, alpha, the dropped mass, the least probability, or n times the least share of the row's largest. */
  setting: number;
  /** Rows of from <= length < to. */
  from: number;
  to: number;
  rows: number;
  length: number;
  /** Entries kept, here and over all rows. */
  kept: number;
  cost: number;
  dropped: number;
  droppedWorst: number;
  l2: number;
}

/** One row of E9: one strength of the violation. */
export interface ViolationRow {
  strength: number;
  sigma: number;
  mass: number;
  /** C of the entries needed for `mass`, fitted over the lengths, and its standard error. */
  exponent: number;
  exponentError: number;
  keepShortest: number;
  keepLongest: number;
  shareLongest: number;
  target: number;
  /** The same for the l2 error `target`. */
  exponentL2: number;
  exponentL2Error: number;
  /** At k = sqrt(n), the longest n. */
  l2Longest: number;
  droppedLongest: number;
  /** l2 over its upper bound there. */
  tightness: number;
  violations: number;
}

/** One row of E11: one way of fitting and one length that it has not seen. */
export interface CalibrationRow {
  method: "theory" | "fit" | "grid";
  alpha: number;
  exponent: number;
  /** NaN where the method has none. */
  exponentError: number;
  n: number;
  mass: number;
  needed: number;
  neededError: number;
  predicted: number;
  /** predicted / needed - 1. */
  error: number;
  /** What of it is computed in vain. */
  overrun: number;
}

/** One row of E12: one length, number format and way of summing. Means over the rows of scores. */
export interface PrecisionRow {
  n: number;
  /** Of weights, products, sums; int8 has steps of 1/127 and exact sums. */
  format: "f64" | "f32" | "bf16" | "f16" | "e4m3" | "e5m2" | "int8";
  method: "naive" | "kahan" | "pairwise" | "topK";
  /** Half a unit in the last place of 1, for int8 half a step. */
  unit: number;
  /** Keys that are summed, of so many. */
  keep: number;
  keys: number;
  /** Entries above half a unit in the last place of the row's sum. */
  visible: number;
  /** Keys that did not change the sum of weights, the ones that top-k left out among them. */
  lost: number;
  /** Their probability, where in the row they are (1/2: anywhere), and the largest probability among them. */
  lostMass: number;
  lostPosition: number;
  lostLargest: number;
  /** The sum of weights over the exact one. */
  total: number;
  /** Relative l2 error of the output for values N(0, I), and its standard error. */
  outputError: number;
  outputErrorError: number;
}

/** One row of E14: one law k = alpha n^exponent. */
export interface MisfitRow {
  exponent: number;
  alpha: number;
  mass: number;
  /** Share of the kept entries that no row needed. */
  wasted: number;
  /** Share of the rows that kept fewer than they needed. */
  violated: number;
  /** wasted + violated. */
  penalty: number;
  dropped: number;
  droppedWorst: number;
  /** Entries kept and entries needed, per row. */
  cost: number;
  needed: number;
  /** The alpha that meets the needs in the mean of their logarithms, at this exponent. */
  ridge: number;
  /** The alpha of the grid with the least penalty at this exponent, and that penalty. */
  best: number;
  leastPenalty: number;
  /** C fitted to the needs, and its standard error. */
  fitted: number;
  fittedError: number;
}

/** One row of E15: one kind of block and one layer. */
export interface DepthRow {
  norm: "pre" | "post";
  residual: "no" | "yes";
  mlp: "no" | "yes";
  sparsify: "all" | "alternate";
  estimator: "renormalized" | "compensated";
  /** From 1. */
  layer: number;
  /** Whether this layer keeps `keep` entries only. */
  sparse: "no" | "yes";
  n: number;
  keep: number;
  /** Of exact attention, heads averaged: entries above epsilon, entropy over ln n, mass outside the `keep` best. */
  effective: number;
  entropyShare: number;
  dropped: number;
  /** Mean cosine of two tokens after the layer: 1 is rank 1. */
  cosine: number;
  sparseCosine: number;
  /** Relative error of the layer's output; its standard error between repeats, NaN for one. */
  error: number;
  errorError: number;
  /** error over that of the layer before; NaN where that has none. */
  growth: number;
  /** The error where only this layer is sparse. */
  localError: number;
  /** error over the root of the sum of localError² so far; NaN where nothing was sparse yet. */
  accumulated: number;
}

/** One row of E16: one kind of positions and one offset. */
export interface PositionRow {
  positions: "none" | "rope" | "alibi";
  /** The base of rope, the slope of alibi. */
  value: number;
  n: number;
  /** Of the draw of weights and tokens: `repeats` of them have seeds one after the other. */
  seed: number;
  offset: number;
  /** ||W_m||_F / sqrt(d), times sigma: the deviation of a score between independent tokens at that offset. */
  radius: number;
  /** That deviation, measured. */
  measured: number;
  /** Root mean square of the radius over all offsets below n, one by one. */
  average: number;
  /** Closed form of that for evenly spread phases. */
  closed: number;
  /** The same with the pairs that do not come around within n left as they are at offset 0. */
  corrected: number;
  /** The same with fewer pairs left there, those with n theta below e^(1 - gamma). */
  balanced: number;
  /** The same with phases as they are, which is the average in closed form. */
  exact: number;
  /** What a score at that offset is moved by. */
  bias: number;
  /** Over the sampled rows, which see n / 2 to n keys. */
  sigma: number;
  entropyShare: number;
  mass: number;
  /** Share of the row that is needed for `mass`, its standard error, and the closed form (NaN for alibi). */
  share: number;
  shareError: number;
  closedShare: number;
}

/** One row of E19: one dimension, rho and gamma. */
export interface CriticalRow {
  d: number;
  rho: number;
  n: number;
  /** gamma (1 - rho): 1 is critical for large d and n. */
  relative: number;
  gamma: number;
  /** Mean cosine of two outputs, and its standard error between repeats (NaN for one). */
  similarity: number;
  similarityError: number;
  /** The same for n tokens whose inner products are exactly rho; for infinitely many; at the critical gamma. */
  simplex: number;
  limit: number;
  critical: number;
  /** Weight of the token itself. */
  selfWeight: number;
  /** gamma (1 - rho) where the similarity falls through the critical one, its error, and what theory expects. */
  boundary: number;
  boundaryError: number;
  expected: number;
}

/** One row of E20: one horizon and length. */
export interface SampleComplexityRow {
  d: number;
  horizon: number;
  /** Standard deviation of a score. */
  sigma: number;
  n: number;
  /** Distance to the limit, mean over queries, and its standard error between repeats (NaN for one). */
  error: number;
  errorError: number;
  /** To leading order; NaN where rows hang on their largest few. */
  predicted: number;
  /** Of ln error on ln n, the same for all n. */
  slope: number;
  slopeError: number;
}

/** One row of E13: one length, selector and setting. Means over rows and repeats, with standard errors. */
export interface PreselectionRow {
  n: number;
  d: number;
  k: number;
  /**
   * Simulated misses (evenly spread ranks, the largest, by lot), the library's searches, and the best k by a few
   * principal components of the keys or by the channels where |q| is largest.
   */
  selector: "uniform" | "worst" | "random" | "pages" | "int8" | "lsh" | "components" | "channels";
  /** The recall asked for, the certified mass at which pages stop, tables, components or channels. */
  setting: number;
  /** Share of the k best that was found. */
  recall: number;
  recallError: number;
  /** Share of the keys that were scored exactly. */
  scored: number;
  scoredError: number;
  /** Dropped mass of the set that was found: that of the exact set, plus `missed`, minus `substituted`. */
  dropped: number;
  droppedError: number;
  missed: number;
  substituted: number;
  /** l2 distance of the renormalized row from the row. */
  l2: number;
  l2Error: number;
  exactDropped: number;
  exactL2: number;
  /** `dropped` over `exactDropped`, `l2` over `exactL2`. */
  amplification: number;
  amplificationError: number;
  l2Amplification: number;
  l2AmplificationError: number;
  /** Rows where the identity of `dropped` fails: 0. */
  violations: number;
}

/** One row of E17: one length, task and method. */
export interface TaskResultRow {
  n: number;
  task: "needle" | "needles" | "average" | "induction" | "maximum";
  method:
    | "plain"
    | "logLength"
    | "adaptive"
    | "offByOne"
    | "sink"
    | "normalized"
    | "bfloat"
    | "renormalized"
    | "compensated"
    | "linear"
    | "scaledTopK";
  k: number;
  trials: number;
  /** Share of right answers, and its standard error. */
  accuracy: number;
  accuracyError: number;
  /** Mean weight on the keys that are looked for; NaN for `average` and `maximum`. */
  weight: number;
  /** What the number that is read is off by, root of the mean square; NaN for the other three. */
  error: number;
}

/** One row of E18: one length, mass and certificate. Means over rows and repeats, with standard errors. */
export interface CertificateRow {
  n: number;
  d: number;
  sigma: number;
  mass: number;
  certificate: "truth" | "singleGap" | "headAware" | "blockwise";
  /** Fewest entries that are certified (known, for "truth") to drop at most `mass`, and over the true number. */
  keep: number;
  keepError: number;
  keepRatio: number;
  keepRatioError: number;
  /** Share of the keys whose scores that takes. */
  scored: number;
  scoredError: number;
  /** At the true number of entries: the bound, the dropped mass, and one over the other. */
  bound: number;
  tau: number;
  boundRatio: number;
  boundRatioError: number;
  /** Share of the keys that finding that exact set takes. */
  scoredExact: number;
  scoredExactError: number;
  /** Rows whose bound is below the dropped mass: 0. */
  violations: number;
}

/** One row of E22: one length, number of entries and method. */
export interface SpeedRow {
  n: number;
  d: number;
  rule: KeepRule;
  value: number;
  k: number;
  method: "dense" | "scan" | "quickselect" | "heap" | "radix" | "pages" | "int8";
  /** Wall time of a query, the median of the repeats. */
  nanoseconds: number;
  /** Share of the keys that were scored exactly. */
  scored: number;
  /** Over "dense", and the least and the most of it over the repeats, call by call. */
  speedup: number;
  speedupLeast: number;
  speedupMost: number;
  /** Nanoseconds a key that the index takes to make; NaN without an index. */
  build: number;
  threads: number;
  /** Rows whose set is not that of "scan": 0. */
  violations: number;
}

/** The rows that each simulation yields. */
export interface SimulationRows {
  E1: CollapseRow;
  E2: SufficiencyRow;
  E3: EqualCostRow;
  E4: NecessityRow;
  E5: RegimeRow;
  E6: ConcentrationRow;
  E7: GainRow;
  E8: PolicyRow;
  E9: ViolationRow;
  E11: CalibrationRow;
  E12: PrecisionRow;
  E13: PreselectionRow;
  E14: MisfitRow;
  E15: DepthRow;
  E16: PositionRow;
  E17: TaskResultRow;
  E18: CertificateRow;
  E19: CriticalRow;
  E20: SampleComplexityRow;
  E22: SpeedRow;
}

/** A row of any of them. */
export type SimulationRow = SimulationRows[keyof SimulationRows];
