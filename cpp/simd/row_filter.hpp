// Thresholds for selection: how many scores exceed a number, asked until the answer is the wanted one.
#pragma once

#include "simd/block.hpp"

namespace heed::simd {

/// For each lane of `scores` (count, kPanel) a threshold that at least wanted[lane] scores exceed, and not many more: a
/// bisection of 7 steps between the lane's lowest and highest score, all lanes at once. NaN is passed over.
void kernel_sample_threshold(const float* scores, std::size_t count, const float* wanted, float* threshold) noexcept;

/// How many of the `count` numbers at `x` exceed each of three thresholds. `x` must have room for whole vectors; what
/// lies past `count` must not exceed any threshold (-infinity does).
struct Above {
  std::size_t low, middle, high;
};
Above kernel_count_row(const float* x, std::size_t count, float low, float middle, float high) noexcept;

/// The largest number of x, whole vectors as above.
float kernel_row_max(const float* x, std::size_t count) noexcept;

/// The smallest of the `count` numbers at x, of which none is NaN; infinity for none.
float kernel_row_min(const float* x, std::size_t count) noexcept;

}  // namespace heed::simd
