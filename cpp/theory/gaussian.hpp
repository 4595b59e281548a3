// Closed forms for a row of attention whose logits are independent and Gaussian with standard deviation sigma.
//
// These are DERIVED, not the paper's: p_j ~ exp(sigma z - sigma^2 / 2) / n for large n. Tilting by e^(sigma z) moves z
// by sigma, so with t = Phi_c^{-1}(k / n), the threshold of the k largest,
//
//   |S_eps| / n -> Phi((ln(eps n) + sigma^2 / 2) / sigma)
//   tau         -> Phi(t - sigma)
//   l2^2        -> e^{sigma^2} / n (Phi(t - 2 sigma) + (tau / (1 - tau))^2 Phi_c(t - 2 sigma))
//   k_eps / n   -> Phi_c(sigma + Phi^{-1}(eps))        the least k with tau <= eps; stated in arXiv 2512.07647
//
// S_eps is the set of ineffective entries, p_j <= eps (Definition of (eps, k)-sparsity); tau is the mass that keeping k
// entries drops, l2 the error ||p_spar - p||_2 of the row. Valid for sigma well below sqrt(2 ln n), l2 for 2 sigma
// below it; beyond, a few entries carry the row and the mean of e^(sigma z), or of its square, is not reached.
#pragma once

#include "theory/normal.hpp"

namespace heed {

/// |S_eps| / n, the share of entries that are at most epsilon. n >= 1, epsilon > 0, sigma >= 0.
double gaussian_ineffective_share(double n, double epsilon, double sigma) noexcept;

/// n - |S_eps|, with the accuracy of the small share: the mean number of entries above epsilon.
double gaussian_effective_entries(double n, double epsilon, double sigma) noexcept;

/// tau, the mass outside the k largest. 0 <= k <= n.
double gaussian_dropped_mass(double n, double k, double sigma) noexcept;

/// ||p_spar - p||_2 of a row that keeps its k largest, 0 < k <= n. Needs 2 sigma < sqrt(2 ln n).
double gaussian_row_error(double n, double k, double sigma) noexcept;

/// k / n such that the dropped mass is `dropped`, 0 <= dropped <= 1.
double gaussian_keep_share(double dropped, double sigma) noexcept;

}  // namespace heed
