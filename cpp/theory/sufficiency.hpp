// When n^C kept entries are enough: Theorem 6.1, in the forms that can be proved.
//
// STATED: for every C in (0, 1) keeping n^C entries leaves an error that falls with n. DERIVED, for every row:
//
// - In the norm of l2 (theory/certificates.hpp, row_error_bounds): with spread s_(1) - s_(k) <= c ln n of the kept
//   scores, ||p_spar - p||_2 <= n^{-(C - c) / 2} (1 + o(1)), so it vanishes for c < C. By theory/concentration.hpp c ->
//   0 if R' = o(sqrt(log n)), and the rate is then n^{-C / 2 + o(1)}. This is the corollary that deserves the theorem's
//   name.
// - In total variation it is false for bounded scores: with spread Delta of the whole row
//   tau >= (n - k) / (n - k + k e^Delta) -> 1 whenever k e^Delta = o(n). "n^C suffices" is about l2, not about mass.
// - In total variation it is true for scores that grow: Gaussian with sigma_n = gamma sqrt(2 ln n), tau -> 0 if
//   C > 1 - gamma^2 and tau -> 1 if C < 1 - gamma^2.
#pragma once

#include <algorithm>
#include <cmath>

namespace heed {

/// r in "row error <= n^-r": (C - c) / 2, where the kept scores spread by at most c ln n. Says nothing when it is <= 0.
inline double row_error_rate(double exponent, double spread_per_log) noexcept {
  return 0.5 * (exponent - spread_per_log);
}

/// Upper bound of ||p_spar - p||_2 over all rows that keep k entries whose scores spread by at most `spread`, whatever
/// the dropped mass: tau^2 e^spread + tau (1 - tau) grows with tau up to e^spread at tau = 1.
inline double row_error_limit(double k, double spread) noexcept { return std::sqrt(std::exp(spread) / k); }

/// The least C for which n^C entries hold nearly all mass, scores Gaussian of sigma_n = gamma sqrt(2 ln n): 1 -
/// gamma^2.
inline double mass_exponent(double gamma) noexcept { return std::max(0.0, 1.0 - gamma * gamma); }

}  // namespace heed
