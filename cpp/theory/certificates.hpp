// Upper bounds of the dropped mass tau of one row, and what tau says about the error, as scalar formulas.
//
// A row has n keys with scores s_(1) >= ... >= s_(n); its k best are kept, Z_H is their sum of e^s, Z the sum of all:
// tau = 1 - Z_H / Z is the probability that is dropped, and the total variation between p and the renormalized p_spar.
// Each bound needs less than all scores; none needs an assumption about how they are distributed. They are bounds in
// exact arithmetic: inputs that carry rounding must be moved to the safe side by the caller.
//
// Marks (README.md): `single_gap`, `kl`, `output_error` are stated in arXiv 2512.07647; the others are DERIVED.
#pragma once

#include <cmath>

namespace heed {

/// tau <= 1 / (1 + k / (n - k) e^gap), gap = s_(k) - s_(k+1) >= 0. STATED (2512.07647, theorem 4.5): every kept
/// key weighs at least e^{s_k}, every dropped one at most e^{s_{k+1}}. Nearly vacuous where scores have no gap. k <= n.
inline double single_gap_bound(double n, double k, double gap) noexcept {
  if (k >= n) return 0.0;
  return 1.0 / (1.0 + k / (n - k) * std::exp(gap));
}

/// tau <= (n - k) e^{s_(k+1)} / (Z_H + (n - k) e^{s_(k+1)}). DERIVED: as the single gap, with the kept sum as it is;
/// never above the single gap, because Z_H >= k e^{s_k}. `log_kept` is ln Z_H, `next` is s_(k+1).
inline double head_aware_bound(double n, double k, double log_kept, double next) noexcept {
  if (k >= n) return 0.0;
  return 1.0 / (1.0 + std::exp(log_kept - next - std::log(n - k)));
}

/// tau <= Z_up / (Z_H + Z_up), where Z_up >= the sum of e^s over all keys that are not kept; for pages g of m_g keys
/// with scores at most U_g, Z_up = sum_g m_g e^{U_g}. DERIVED: x / (Z_H + x) grows with x. Both sums as logarithms.
inline double blockwise_bound(double log_kept, double log_rest) noexcept {
  if (log_rest == -HUGE_VAL) return 0.0;
  return 1.0 / (1.0 + std::exp(log_kept - log_rest));
}

/// Total variation of two softmaxes whose scores differ by at most `error` everywhere: at most tanh(error / 2).
/// DERIVED and sharp: two groups, shifted by +error and -error, the first of mass 1 / (1 + e^error).
inline double score_error_bound(double error) noexcept { return std::tanh(0.5 * error); }

/// The same where the errors span an interval of length `width`, whatever their common offset: tanh(width / 4).
/// DERIVED: softmax does not see the offset, so the errors may be centered, to at most width / 2.
inline double score_error_span_bound(double width) noexcept { return std::tanh(0.25 * width); }

/// KL(p_spar || p) = ln(Z / Z_H) = -ln(1 - tau). STATED (2512.07647, theorem 4.3).
inline double kept_divergence(double tau) noexcept { return -std::log1p(-tau); }

/// chi^2(p_spar || p) = tau / (1 - tau). DERIVED: sum_H p_spar^2 / p = sum_H p / (1 - tau)^2 = 1 / (1 - tau).
inline double kept_chi_squared(double tau) noexcept { return tau / (1.0 - tau); }

struct Interval {
  double lower, upper;
};

/// Bounds of the row error ||p_spar - p||_2 from tau, k >= 1 and the spread of the kept scores s_(1) - s_(k). DERIVED:
///   tau^2 / k <= ||p_spar - p||_2^2 <= (tau^2 e^spread + tau (1 - tau)) / k
/// p_spar - p is tau p_spar on the kept keys and -p on the others; sum_H p_spar^2 lies in [1 / k, e^spread / k], and
/// sum_T p^2 <= tau p_(k+1) <= tau (1 - tau) / k.
inline Interval row_error_bounds(double tau, double k, double spread) noexcept {
  const double squared = (tau * tau * std::exp(spread) + tau * (1.0 - tau)) / k;
  return {tau / std::sqrt(k), std::sqrt(squared)};
}

/// ||P_spar V - P V||_2 of one row, at most 2 max_j ||v_j|| tau. STATED (2512.07647, proposition 5.1), because
/// the difference is exactly tau (mean of the dropped values - mean of the kept ones), each mean weighted by p.
inline double output_error_bound(double tau, double largest_value) noexcept { return 2.0 * tau * largest_value; }

}  // namespace heed
