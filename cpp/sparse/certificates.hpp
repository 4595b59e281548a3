// What can be promised about a top-k row, from less and less of it. For the kept set H (k of n visible keys), the
// dropped set T, tau = sum_T p_j the dropped mass, Z_H = sum_H e^(s_j), s_H the lowest kept and s_T the highest dropped
// score:
//
//   single gap     tau <= 1 / (1 + k / (n - k) e^(s_H - s_T))    from two scores      arXiv 2512.07647, Thm 4.5
//   head aware     tau <= M / (Z_H + M), M = (n - k) e^(s_T)      and the kept ones    DERIVED
//   blockwise      tau <= M / (Z_H + M), M = sum over the dropped keys of upper bounds of e^s    DERIVED
//   logit error    TV(softmax(s), softmax(s')) <= tanh(D / 2) when |s_j - s'_j| <= D for all j   DERIVED, sharp
//   output error   ||o - o'||_2 <= sum_j |p_j - w'_j| ||v_j - c||                                DERIVED
//
// The first two hold for any H, not only for the best keys; for the best, head aware is the better one, since every
// kept score is at least s_H. The last one: the row that an estimator returns is o' = sum_j w'_j v_j, and
// o - o' = sum_j (p_j - w'_j) (v_j - c) for every c when both sets of weights sum to 1; `raw` weights do not, and take
// c = 0. By the inequalities of Cauchy-Schwarz and of the triangle it is never above the usual forms around the same c:
//
//   raw            tau C                                        C = max ||v_j||
//   renormalized   min {2 tau C, sqrt(chi^2) sqrt(Var)}         chi^2 = tau / (1 - tau), Var = sum p_j ||v_j - c||^2
//   compensated    2 tau max_T ||v_j - c||
//   linear         sqrt(sum_T p^2 - tau^2 / |T| - t1^2 / m2) sqrt(sum_T ||v_j - c||^2)
//
// Rounding (DERIVED, as in dropped_mass.hpp). Every function bounds the exact quantity, of the scores as real numbers:
//
// 1. A score is off by at most delta. So a kept weight is at least e^(-delta), a dropped one at most e^delta times the
//    one of its computed score.
// 2. A computed weight e^x, x in [-88, 0], is off by at most kWeightError of itself; below it is 0 instead of 2^-126.
// 3. For the output let p' be the computed weights over their sum. Its l1 distance to p is at most 2 tanh(delta / 2)
//    for the scores, and (2 + kWeightError) eta for the weights, eta = kExpError + 4 u sum_j p'_j |x_j|. Both distances
//    have the sum 0, so they count times max_j ||v_j - c||. Then every product and sum of the result: a chain of m
//    additions of w'_j v_j is off by gamma_(m + 8) sum_j |w'_j| ||v_j||, and each product by the smallest float.
// 4. What is computed here, in double, is widened by kSlackOfDouble and rounded up.
#pragma once

#include <cstddef>

#include "simd/exp.hpp"
#include "sparse/dropped_mass.hpp"

namespace heed {

inline constexpr double kWeightError = double{simd::kExpError} + 4.0 * 88.0 * 0x1p-24;
inline constexpr double kSlackOfDouble = 1e-9;

/// Scores are relative to the row's reference, which none of them exceeds.
struct RowEvidence {
  std::size_t visible = 0;
  std::size_t entries = 0;       // 1 .. visible
  double kept_weight = 0.0;      // Z_H, a sum of computed weights
  double lowest_kept = 0.0;      // s_H
  double highest_dropped = 0.0;  // s_T
  double score_error = 0.0;      // delta
};

/// 0 for rows that keep all they see, 1 where nothing can be said.
float single_gap_bound(const RowEvidence& row) noexcept;
float head_aware_bound(const RowEvidence& row) noexcept;

/// `dropped_weight`: at least what the dropped keys weigh for scores without error, relative to the same reference.
float blockwise_bound(const RowEvidence& row, double dropped_weight) noexcept;

/// tanh(D / 2).
float logit_error_bound(double score_error) noexcept;

/// At least the weight, for its score without error, of a key whose weight was computed.
double weight_above(double computed_weight, double score_error) noexcept;

struct OutputEvidence {
  double residual = 0.0;         // sum_j |p'_j - w'_j| ||v_j - c||
  double weight_error = 0.0;     // eta
  double score_error = 0.0;      // delta
  double radius = 0.0;           // max_j ||v_j - c||
  double largest_value = 0.0;    // max_j ||v_j||
  double absolute_weight = 0.0;  // sum_j |w'_j|
  std::size_t chain = 0;         // additions in a row, m
  std::size_t products = 0;      // in all
};

/// ||exact - returned||_2 of a row; infinity where nothing can be said.
float output_error_bound(const OutputEvidence& row) noexcept;

}  // namespace heed
