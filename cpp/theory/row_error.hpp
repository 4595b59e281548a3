// The error of keeping the k largest probabilities of one row, exactly, from its scores. DERIVED, for any scores:
//
//   p_spar - p is tau p_spar on the kept keys H and -p on the dropped ones T, hence
//   l1 = 2 tau        l-inf = max(tau p_spar,(1), p_(k+1))        l2^2 = (tau / (1 - tau))^2 sum_H p^2 + sum_T p^2
//   KL(p_spar || p) = -ln(1 - tau)        chi^2(p_spar || p) = tau / (1 - tau)
//
// Where values are independent of scores, with covariance Sigma_V, the mean squared output error is tr(Sigma_V) l2^2.
// Numerics: double, probabilities relative to the largest score; sums from the smallest term to the largest.
#pragma once

#include <cstddef>

#include "theory/certificates.hpp"

namespace heed {

struct RowError {
  double dropped;  // tau, the mass outside the k largest
  double l1, l2, l_infinity;
  double divergence;     // KL(p_spar || p)
  double chi_squared;    // chi^2(p_spar || p)
  double entropy;        // of p, in nats
  double participation;  // 1 / sum p^2
  double single_gap;     // upper bounds of tau
  double head_aware;
  Interval l2_bounds;  // from tau, k and the spread of the kept scores
};

/// `scores` (n) sorted, largest first, finite; 1 <= k <= n.
RowError row_error(const double* scores, std::size_t n, std::size_t k) noexcept;

}  // namespace heed
