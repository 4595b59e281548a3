// A fixed window and k = alpha n^C at the same cost, side by side: which of them wins, by which measure.
//
// Rows have Gaussian logits of standard deviation sigma_n at length n; the errors are the closed forms of
// theory/gaussian.hpp at k(n) = min(alpha n^C, n), not rounded, alpha from theory/alignment.hpp. DERIVED, and a limit
// of the paper's claim that a dynamic window is better:
//
// - Where the row error is a / sqrt(k) with a independent of n (dispersion), sum w_n a / sqrt(k_n) under
//   sum c_n k_n = const is least for k_n ~ (w_n / c_n)^{2/3}: a constant k for the cost of decoding, a falling one,
//   n^{-2/3}, for that of prefill. There the dynamic window loses on the mean row error, and can win on the worst mass.
// - For a dropped mass of eps at constant sigma, k has to be linear in n: k = n Phi_c(sigma + Phi^{-1}(eps)).
//
// Nothing decides in advance who wins: the winner is read off the numbers.
#pragma once

#include "theory/alignment.hpp"

namespace heed {

/// Over the lengths; "worst" is the largest.
struct PolicyError {
  double mean_row_error, worst_row_error;
  double mean_dropped, worst_dropped;
};

struct EqualCost {
  double alpha;  // not rounded
  double fixed_cost, window_cost;
  /// Whether 2 sigma < sqrt(2 ln n) at every length: elsewhere the row errors are not to be relied on.
  bool row_error_valid;
  PolicyError fixed, window;
};

/// `lengths` and `sigma` (count). As align_cost.
EqualCost compare_at_equal_cost(const std::uint32_t* lengths, const double* sigma, std::size_t count, Cost cost,
                                double k, double exponent) noexcept;

enum class Winner { kTie, kFixed, kWindow };

/// Which of two errors is less; those within a thousandth of each other, the precision of the alignment, are a tie.
Winner winner(double fixed, double window) noexcept;

}  // namespace heed
