// What a top-k search asks of one row of scores in memory: which beat a threshold, and sums over all.
#pragma once

#include "simd/block.hpp"

namespace heed::simd {

/// Scores that share a threshold.
inline constexpr std::size_t kScreenGroup = 64;

/// Appends the scores with score j > thresholds[j / kScreenGroup] and their numbers j, ascending; returns how many.
/// NaN beats nothing. `kept` and `indices` have room for `count`.
/// Cost: a compare a vector and one branch for four of them, 0.15 ns a score where few win.
std::size_t kernel_filter_row(const float* scores, std::size_t count, const float* thresholds, float* kept,
                              std::uint32_t* indices) noexcept;

/// Sums over a row with x = s - reference: w = e^x, x, x^2 and w x. Floats are summed within kKeyBlock numbers, their
/// sums in double.
struct RowMoments {
  double weight = 0.0, x = 0.0, x_squared = 0.0, w_x = 0.0;
};

RowMoments kernel_row_moments(const float* scores, std::size_t count, float reference) noexcept;

/// Only the sum of w.
double kernel_row_weight(const float* scores, std::size_t count, float reference) noexcept;

}  // namespace heed::simd
