/** The study module as Embind exposes it: the simulations, and the closed form that is drawn over one of them. */
import type { RawJob, RawModule } from "./raw-module.js";

/** One point of a simulation: a job, and the table that stands when its last unit is done. */
export interface RawSimulation extends RawJob {
  /** Names of the columns, separated by commas; words of a column behind its name: "n,policy:fixed|dynamic". */
  columns(): string;
  rows(): number;
  /** Address of (rows, columns) f64. */
  table(): number;
}

/** The study module. */
export interface RawStudy extends RawModule {
  /**
   * One length n of protocol E1: rows of softmax(scale X W X^T) for Gaussian X, W = W_Q W_K^T.
   * `weights`: 0 independent, 1 identity, 2 lowRank. `epsilon`: address of `epsilons` f64. `effective` (f64, epsilons):
   * written, mean over the sampled rows of the number of entries above each epsilon. `sigma` (f64, 1): written, the
   * standard deviation of the off-diagonal logits.
   */
  CollapseJob: new (options: RawCollapseOptions) => RawJob;
  /**
   * One point of protocol `id`, 2 .. 9 or 11. `numbers`: address of `count` f64, the parameters in the order in which
   * the protocol reads them; `q` and `k`: addresses of (n, d) f32 of given heads, or 0.
   */
  Simulation: new (id: number, numbers: number, count: number, q: number, k: number) => RawSimulation;
  /** |S_eps| / n for Gaussian logits of standard deviation sigma. */
  gaussianIneffectiveShare(n: number, epsilon: number, sigma: number): number;
}

export interface RawCollapseOptions {
  n: number;
  headDim: number;
  rows: number;
  weights: number;
  rank: number;
  seed: number;
  epsilon: number;
  epsilons: number;
  effective: number;
  sigma: number;
}
