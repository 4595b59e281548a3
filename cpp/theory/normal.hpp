// The standard normal distribution: its function, its tail, and the inverse.
//
//   Phi(x) = P(Z <= x), Phi_c(x) = 1 - Phi(x) = Phi(-x)
//
// Numerics: both by erfc, so that small tails keep their relative accuracy; the inverse by a rational start (relative
// error 1.2e-9, P. J. Acklam's coefficients) and one step of Halley's method, which leaves a few units in the last
// place.
#pragma once

namespace heed {

/// Phi(x).
double normal_cdf(double x) noexcept;

/// Phi_c(x), with relative accuracy where it is tiny.
double normal_tail(double x) noexcept;

/// x with Phi(x) = p. -inf at 0, +inf at 1, NaN outside [0, 1].
double normal_quantile(double p) noexcept;

/// x with Phi_c(x) = p: -normal_quantile(p), accurate for small p.
double normal_tail_quantile(double p) noexcept;

}  // namespace heed
