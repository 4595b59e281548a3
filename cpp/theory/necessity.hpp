// What o(log n) kept entries cannot do: Theorem 6.2, in the forms that can be proved.
//
// STATED: with o(log n) entries the error "persists at a minimum of O(1)". DERIVED, for every row that keeps k entries:
//
// - ||p_spar - p||_2 >= tau / sqrt(k). For k = O(1) that is a constant as long as tau does not vanish. For k = o(log n)
//   the error falls slower than tau / sqrt(log n), never like a power of n; but for growing k it is NOT bounded from
//   below by a constant, and nothing here claims so.
// - tau >= (n - k) / (n - k + k e^Delta) for scores of spread Delta: in total variation the statement holds literally,
//   for every k = o(n), also k = n^C.
// - Both norms (1/n) ||P_spar - P||, spectral or Frobenius, are at most sqrt(2 / n) for any choice of entries, even a
//   random one, because two rows of probabilities are at most sqrt(2) apart: they cannot tell strategies apart.
#pragma once

#include <cmath>

namespace heed {

/// The least mass that keeping k of n entries drops when scores spread by at most `spread`.
inline double dropped_at_least(double n, double k, double spread) noexcept {
  if (k >= n) return 0.0;
  return (n - k) / (n - k + k * std::exp(spread));
}

/// The least ||p_spar - p||_2 of a row that keeps k entries and drops the mass tau.
inline double row_error_at_least(double tau, double k) noexcept { return tau / std::sqrt(k); }

/// Upper bound of (1/n) ||P_spar - P||, spectral and Frobenius, whatever is kept.
inline double matrix_norm_limit(double n) noexcept { return std::sqrt(2.0 / n); }

}  // namespace heed
