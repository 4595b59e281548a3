// Rounding a row to whole numbers times a scale, x = scale level + lost, with the sizes that the bound of
// quantized_keys.hpp needs.
//
// The scale is a float, the least for which no level exceeds `levels` and the halves of every chunk (screen_tile.hpp)
// stay within `norm`. A row so small that its scale would lose digits has the scale 0, and all of it is lost.
#pragma once

#include <algorithm>
#include <cmath>

#include "simd/screen_tile.hpp"

namespace heed {

struct RoundedRow {
  float scale;
  double size;   // |x|
  double level;  // |scale level|
  double lost;   // |x - scale level|
};

/// x(c) is column c, put(c, level) takes its level.
template <class X, class Put>
RoundedRow round_to_levels(std::size_t d, double levels, double norm, X&& x, Put&& put) noexcept {
  constexpr double kSmallestScale = 1e-30;
  double scale = 0.0, size = 0.0, halves[2] = {};
  for (std::size_t c = 0; c < d; ++c) {
    const double xc = x(c);
    scale = std::max(scale, std::abs(xc) / levels);
    halves[c % 4 / 2] += xc * xc;
    if ((c + 1) % simd::kScreenChunk != 0 && c + 1 != d) continue;
    scale = std::max(scale, std::sqrt(std::max(halves[0], halves[1])) / norm);
    size += halves[0] + halves[1];
    halves[0] = halves[1] = 0.0;
  }
  // A little more, so that rounding the scale to float cannot make it too small.
  const float used = scale < kSmallestScale ? 0.0f : static_cast<float>(scale * (1.0 + 1e-6));
  const double inverse = used == 0.0f ? 0.0 : 1.0 / double{used};
  double level_squares = 0.0, lost = 0.0;
  for (std::size_t c = 0; c < d; ++c) {
    const double xc = x(c), level = std::nearbyint(xc * inverse), rest = xc - double{used} * level;
    put(c, static_cast<float>(level));
    level_squares += level * level;
    lost += rest * rest;
  }
  return {used, std::sqrt(size), double{used} * std::sqrt(level_squares), std::sqrt(lost)};
}

}  // namespace heed
