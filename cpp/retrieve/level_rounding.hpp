// Rounding a row to whole numbers times a scale, x = scale level + lost, with the sizes that the bound of
// quantized_keys.hpp needs.
//
// The scale is a float, the least for which no level exceeds `levels` and the halves of every chunk (screen_tile.hpp)
// stay within `norm`. A row so small that its scale would lose digits has the scale 0, and all of it is lost.
//
// Sizes are double and for the levels that were written, however those were rounded.
#pragma once

#include <cstddef>

namespace heed {

struct RoundedRow {
  float scale;
  double size;   // |x|
  double level;  // |scale level|
  double lost;   // |x - scale level|
};

/// `level` takes d whole numbers. |x| < kLargestNorm.
RoundedRow round_to_levels(const float* x, std::size_t d, float levels, float norm, float* level) noexcept;

}  // namespace heed
