// Closed forms for a row of attention whose logits are independent and Gaussian with standard deviation sigma.
//
// These are DERIVED, not the paper's: p_j ~ exp(sigma z - sigma^2 / 2) / n for large n, so that an entry is at most
// epsilon when z <= (ln(epsilon n) + sigma^2 / 2) / sigma.
//
//   |S_eps| / n -> Phi((ln(eps n) + sigma^2 / 2) / sigma)
//
// S_eps is the set of ineffective entries, p_j <= eps (Definition of (eps, k)-sparsity). Valid for sigma well below
// sqrt(2 ln n); beyond it a few entries carry the row and the mean of e^(sigma z) is not reached.
#pragma once

namespace heed {

/// The standard normal distribution function.
double normal_cdf(double x) noexcept;

/// |S_eps| / n, the share of entries that are at most epsilon. n >= 1, epsilon > 0, sigma >= 0.
double gaussian_ineffective_share(double n, double epsilon, double sigma) noexcept;

}  // namespace heed
