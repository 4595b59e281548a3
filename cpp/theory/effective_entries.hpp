// Effective entries of a row, and what holds for their number without any assumption about the scores.
//
//   S_eps(u) = { j : |u_j| <= eps }, effective: the others. u is (eps, k)-sparse when at most k entries are effective.
//
// STATED: the definition (v1 of arXiv 2404.02690), and that attention is (eps, k)-sparse with high probability
// (theorem 4.3; its constants are not known to us). DERIVED: the two bounds below, which any such theorem has to be
// compared with. For Gaussian logits theory/gaussian.hpp has the expected number.
#pragma once

#include <cmath>
#include <cstddef>

namespace heed {

/// Entries of u above epsilon in size.
inline std::size_t count_effective(const double* u, std::size_t n, double epsilon) noexcept {
  std::size_t count = 0;
  for (std::size_t j = 0; j < n; ++j) count += std::fabs(u[j]) > epsilon ? 1u : 0u;
  return count;
}

/// At most this many entries of a row of probabilities exceed epsilon, because they sum to 1: floor(1 / eps), at most
/// n.
inline double effective_limit(double n, double epsilon) noexcept { return std::fmin(n, std::floor(1.0 / epsilon)); }

/// The largest epsilon that some entry can still exceed when scores spread by at most `spread` = s_max - s_min: every
/// probability lies in [e^-spread / n, e^spread / n]. With |s| <= M the spread is at most 2 M.
inline double largest_probability(double n, double spread) noexcept { return std::fmin(1.0, std::exp(spread) / n); }

}  // namespace heed
