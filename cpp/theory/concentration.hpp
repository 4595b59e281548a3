// How large a logit can be: Lemma 4.2, in a form with explicit constants.
//
// STATED (reviews of arXiv 2404.02690): logits concentrate at scale R, up to a factor sqrt(log n). DERIVED:
//
//   all |x_i^T W x_j|, i != j, are at most R' sqrt(2 ln(2 n^2 / delta)) with probability 1 - delta
//
// for rows x of independent, zero-mean entries in [-B, B]; R' = scale B^2 sqrt(d) ||W||_2. Proof: given x_j the logit
// is a sum of d independent bounded terms, so by Hoeffding P(|s| > t | x_j) <= 2 exp(-t^2 / (2 B^2 ||W x_j||_2^2)), and
// ||W x_j||_2 <= ||W||_2 B sqrt(d); then the union over n^2 pairs.
//
// The same with R = scale B^2 ||W||_F <= R' is what the paper's form says. It follows when W is a multiple of an
// orthogonal matrix (then R = R'). In general a logit is a chaos of order two with the heavier tail (Hanson-Wright)
// 2 exp(-c min(t^2 / R^2, t / (B^2 ||W||_2))): the R form holds, up to constants, only while the first term is the
// smaller one, 2 ln(2 n^2 / delta) <= ||W||_F^2 / ||W||_2^2, the stable rank. Heads of real models have a small one.
//
// The logit of a token with itself has in addition the mean scale v tr(W), v the mean square of an entry.
#pragma once

#include <cmath>

namespace heed {

/// sqrt(2 ln(2 n^2 / delta)): a bound on |logits| in units of the radius. n >= 1, 0 < delta < 1.
inline double concentration_factor(double n, double delta) noexcept {
  return std::sqrt(2.0 * (std::log(2.0 / delta) + 2.0 * std::log(n)));
}

/// Whether the R form may be used: 2 ln(2 n^2 / delta) <= stable rank (an order of magnitude, not a constant).
inline bool concentrates_at_radius(double n, double delta, double stable_rank) noexcept {
  const double factor = concentration_factor(n, delta);
  return factor * factor <= stable_rank;
}

/// B for Gaussian inputs of unit variance: with probability 1 - delta no entry of X (n, d) exceeds it in size.
inline double gaussian_input_bound(double n, double d, double delta) noexcept {
  return std::sqrt(2.0 * std::log(2.0 * n * d / delta));
}

}  // namespace heed
